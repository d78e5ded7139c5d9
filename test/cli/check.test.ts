import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run, temporaryDirectory, type Running } from './world.ts'

const good = `
webhooks:
  github:
    secret: { env: GITHUB_WEBHOOK_SECRET }
apps:
  blog:
    repo: https://github.com/acme/blog.git
    path: /srv/blog
    steps: [npm ci]
`

async function check(text: string, running: Running & { readonly argv?: readonly string[] } = {}) {
  const { argv = [], ...rest } = running
  const cwd = await temporaryDirectory()
  await writeFile(join(cwd, 'deploy.yml'), text, { mode: 0o600 })
  const env = { HOME: cwd, GITHUB_WEBHOOK_SECRET: 'a secret of more than sixteen characters' }
  return { cwd, ...(await run(['check', ...argv], { cwd, uid: process.getuid?.() ?? 0, env, ...rest })) }
}

describe('check', () => {
  it('says in one line what it understood of a good file', async () => {
    const notRoot = process.getuid?.() || 1000
    const { code, out, err, cwd } = await check(good, { uid: notRoot })
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out.trimEnd().split('\n').at(-1)).toBe(
      `${cwd}/deploy.yml is right: 1 webhook (http://127.0.0.1:9000/hooks/github), 1 app (blog)`,
    )
  })

  it('does not call right without more what serve would refuse of who checks', async () => {
    const { code, out } = await check(good, { uid: 0 })
    expect([code, out.includes('warning')]).toEqual([0, true])
    expect(out).toMatch(/deploy\.yml is right, but deployhook serve refuses it when root starts it, .*: 1 webhook/)
  })

  it('shows the public addresses of the webhooks', async () => {
    const { out } = await check(`${good}server: { public_url: "https://deploy.example.org/" }\n`)
    expect(out).toContain('(https://deploy.example.org/hooks/github)')
  })

  it('tells every problem with its place, its line and a caret, and exits 1', async () => {
    const { code, out } = await check(good.replace('    path: /srv/blog', '    path: srv/blog\n    brunch: main'))
    expect(code).toBe(1)
    expect(out).toMatch(/deploy\.yml:8:11 apps\.blog\.path: .+\n {2}8 \| {5}path: srv\/blog\n {4}\| +\^/)
    expect(out).toMatch(/deploy\.yml:9:5 apps\.blog\.brunch: .*branch/)
    expect(out).toMatch(/deploy\.yml: 2 problems\n$/)
  })

  it('names a secret that is not there', async () => {
    const { code, out } = await check(good, { env: { HOME: '/home/ada' } })
    expect(code).toBe(1)
    expect(out).toContain('GITHUB_WEBHOOK_SECRET')
  })

  it('checks the file that is named, and the one of the variable before the one in the directory', async () => {
    const cwd = await temporaryDirectory()
    await writeFile(join(cwd, 'other.yml'), 'apps: 7\n', { mode: 0o600 })
    expect((await check(good, { argv: [join(cwd, 'other.yml')] })).code).toBe(1)
    const { out } = await check(good, { env: { HOME: '/h', DEPLOYHOOK_CONFIG: join(cwd, 'other.yml') } })
    expect(out).toContain('other.yml: ')
  })

  it('exits 1 when the named file is not there', async () => {
    const { code, out } = await check(good, { argv: ['nothing.yml'] })
    expect(code).toBe(1)
    expect(out).toContain('nothing.yml')
  })

  it('prints problems as JSON, with places', async () => {
    const { code, out } = await check(good.replace('/srv/blog', 'srv/blog'), { argv: ['--json'] })
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      apps: [],
      problems: [{ line: 8, column: 11, path: 'apps.blog.path' }],
    })
  })

  it('prints what it understood as JSON', async () => {
    const { code, out } = await check(good, { argv: ['--json'] })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      problems: [],
      webhooks: [{ name: 'github', provider: 'github', url: 'http://127.0.0.1:9000/hooks/github' }],
      apps: [{ name: 'blog', repo: 'https://github.com/acme/blog.git', branch: 'main', path: '/srv/blog' }],
    })
  })

  it('never shows a secret that was written into the file, and lets nothing in it steer the terminal', async () => {
    const written = good
      .replace('{ env: GITHUB_WEBHOOK_SECRET }', '"hunter2hunter2hunter2"')
      .replace('npm ci', '"x\\e[31m", 7')
      .replace('  blog:', '  "bl\\e]0;x\\aog":')
    for (const isTTY of [true, false]) {
      const { code, out } = await check(written, { isTTY, env: { HOME: '/h', NO_COLOR: '1' } })
      expect(code).toBe(1)
      expect(out).not.toContain('hunter2')
      expect(out).not.toContain('\u001b')
    }
  })

  it('colours problems on a terminal only', async () => {
    const bad = good.replace('/srv/blog', 'srv/blog')
    expect((await check(bad, { isTTY: true })).out).toContain('\u001b[')
    expect((await check(bad)).out).not.toContain('\u001b[')
  })
})
