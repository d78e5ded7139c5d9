import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createHosted, firstSecret, type Hosted } from './hosted.ts'

/** The files beside deploy.yml that hold secrets of the webhook. */
async function secretFiles({ world }: Hosted): Promise<readonly string[]> {
  return (await readdir(world.dir)).filter((name) => name.startsWith('hook.secret')).toSorted()
}

describe.each(['github', 'gitlab', 'forgejo', 'bitbucket', 'gitee'])('deployhook webhooks rotate (%s)', (provider) => {
  it('replaces the secret while pushes go on coming, and refuses none of them', async () => {
    const hosted = await createHosted(provider)
    const { ask, host, url, push, world } = hosted
    host.add({ url, secret: firstSecret })
    const before = await hosted.deployYml()

    // Whoever sends meanwhile does so by what the host had at that moment.
    const answers: number[] = []
    const over = new AbortController()
    const pushing = (async () => {
      while (!over.signal.aborted) {
        const hook = host.hooks[answers.length % host.hooks.length]
        answers.push(await push({ url, secret: hook?.secret ?? null }))
      }
    })()
    const rotated = await ask('webhooks', 'rotate', 'blog')
    const fresh = host.hooks[0]?.secret ?? ''
    answers.push(await push({ url, secret: firstSecret }), await push({ url, secret: fresh }))
    over.abort()
    await pushing
    expect(rotated).toMatchObject({ code: 0, err: '' })
    expect(rotated.out).toContain('acme/blog signs with the new one')
    expect(rotated.out + rotated.err).not.toContain(fresh)
    expect(answers.length).toBeGreaterThan(4)
    expect(answers.filter((status) => status !== 202)).toEqual([])

    const [old, young, ...others] = await secretFiles(hosted)
    expect(others).toEqual([])
    expect((await stat(world.path(young ?? ''))).mode & 0o777).toBe(0o600)
    expect((await readFile(world.path(young ?? ''), 'utf8')).trim()).toBe(fresh)
    expect(fresh).toMatch(/^[0-9a-f]{64}$/)
    expect(await hosted.deployYml()).toBe(
      before.replace('secret: { file: hook.secret }', `secrets: [{ file: ${young ?? ''} }, { file: ${old ?? ''} }]`),
    )
    expect((await stat(world.path('deploy.yml'))).mode & 0o777).toBe(0o640)

    await hosted.pushUntilProven(fresh)
    const finished = await ask('webhooks', 'rotate', 'blog', '--finish')
    expect(finished).toMatchObject({ code: 0, err: '' })
    expect(finished.out).toContain(`rm ${world.path('hook.secret')}`)
    expect(await hosted.deployYml()).toBe(
      before.replace('secret: { file: hook.secret }', `secret: { file: ${young ?? ''} }`),
    )
    expect(await push({ url, secret: firstSecret })).toBe(401)
    expect(await push({ url, secret: fresh })).toBe(202)
  })
})

describe('deployhook webhooks rotate', () => {
  it('keeps the old secret until the new one has proven something and the old one nothing since', async () => {
    const hosted = await createHosted('github')
    const { ask, host, url, push } = hosted
    host.add({ url, secret: firstSecret })
    expect((await ask('webhooks', 'rotate', 'blog', '--finish')).err).toContain('nothing to drop')
    expect((await ask('webhooks', 'rotate', 'blog')).code).toBe(0)
    const both = await hosted.deployYml()
    expect((await ask('webhooks', 'rotate', 'blog', '--finish')).err).toContain('signed with the new secret')

    const fresh = host.hooks[0]?.secret ?? ''
    await push({ url, secret: fresh })
    await push({ url, secret: firstSecret })
    const stillUsed = await ask('webhooks', 'rotate', 'blog', '--finish')
    expect(stillUsed).toMatchObject({
      code: 1,
      err: expect.stringContaining('something may still sign with it') as unknown,
    })
    expect(await hosted.deployYml()).toBe(both)

    // Run again it makes no third secret, but enters the new one wherever it is not.
    Object.assign(host.hooks[0] ?? {}, { secret: firstSecret })
    expect((await ask('webhooks', 'rotate', 'blog')).code).toBe(0)
    expect(host.hooks[0]?.secret).toBe(fresh)
    expect(await secretFiles(hosted)).toHaveLength(2)
    await hosted.pushUntilProven(fresh)
    expect((await ask('webhooks', 'rotate', 'blog', '--finish')).code).toBe(0)
  })

  it('changes nothing when the host refuses, has no hook, or the daemon reads another file', async () => {
    const hosted = await createHosted('github')
    const { ask, host, url, world } = hosted
    const before = await hosted.deployYml()
    expect((await ask('webhooks', 'rotate', 'blog')).err).toContain('so nothing was changed')
    host.add({ url, secret: firstSecret })
    host.answerAll((response) => response.writeHead(403).end('{}'))
    expect((await ask('webhooks', 'rotate', 'blog')).err).toContain('does not allow this (403)')
    host.answerAll(null)

    await writeFile(world.path('other.yml'), before, { mode: 0o600 })
    const other = await ask('webhooks', 'rotate', 'blog', '--config', world.path('other.yml'))
    expect(other).toMatchObject({
      code: 1,
      err: expect.stringContaining(`--config ${world.path('deploy.yml')}`) as unknown,
    })

    expect(await hosted.deployYml()).toBe(before)
    expect(await secretFiles(hosted)).toEqual(['hook.secret'])
    expect(host.hooks).toMatchObject([{ secret: firstSecret }])
  })

  it('keeps both secrets, and goes on later, when the host fails half way', async () => {
    const hosted = await createHosted('github')
    const { ask, host, url, push } = hosted
    host.add({ url, secret: firstSecret })
    host.refuse('PATCH')
    const half = await ask('webhooks', 'rotate', 'blog')
    expect(half).toMatchObject({ code: 1 })
    expect(half.out).toContain('acme/blog still signs with the old one')
    expect(half.out).toContain('go on with the rest: deployhook webhooks rotate blog')
    expect(await push({ url, secret: firstSecret })).toBe(202)
    host.refuse(null)
    expect((await ask('webhooks', 'rotate', 'blog')).code).toBe(0)
    expect(await push({ url, secret: host.hooks[0]?.secret ?? '' })).toBe(202)
    expect(await secretFiles(hosted)).toHaveLength(2)
  })

  it('names each other repository of the webhook that it could not reach, for which the old secret is kept', async () => {
    const hosted = await createHosted('github')
    const { ask, host, url, world } = hosted
    host.add({ url, secret: firstSecret })
    const other = `  shop: { repo: /srv/none.git, aliases: [github.com/acme/shop], path: ${world.path('srv/shop')}, catch_up: "off" }\n`
    await writeFile(world.path('deploy.yml'), (await hosted.deployYml()).replace('apps:\n', `apps:\n${other}`))
    const { out, code } = await ask('webhooks', 'rotate', 'blog')
    expect(code).toBe(1)
    expect(out).toContain('acme/blog signs with the new one')
    expect(out).toContain('acme/shop still signs with the old one')
    expect(out).toContain('shows this token no such thing for acme/shop (404)')
    expect(await hosted.deployYml()).toContain(other)
  })

  it.each([
    [
      'secret: { env: HOOK_SECRET }',
      'echo "HOOK_SECRET_NEW=$(openssl rand -hex 32)"',
      'secrets: [{ env: HOOK_SECRET_NEW }, { env: HOOK_SECRET }]',
    ],
    ['secret: &s { file: hook.secret }', 'by an anchor', 'secrets: [{ file: /path/to/the/new }'],
  ])('tells the steps for what it cannot replace itself: %s', async (secret, first, second) => {
    const hosted = await createHosted('github', { secret, env: { HOOK_SECRET: firstSecret } })
    const { ask, host, url } = hosted
    host.add({ url, secret: firstSecret })
    const before = await hosted.deployYml()
    const { err, code } = await ask('webhooks', 'rotate', 'blog')
    expect(code).toBe(1)
    expect(err).toContain('in which no push is refused')
    expect(err).toContain(first)
    expect(err).toContain(second)
    expect(await hosted.deployYml()).toBe(before)
    expect(host.hooks).toMatchObject([{ secret: firstSecret }])
  })

  it('finds the two that a person named by hand, and enters the new one', async () => {
    const env = { HOOK_SECRET: firstSecret, HOOK_SECRET_NEW: 'the-second-secret-0123456789abcdef' }
    const hosted = await createHosted('github', {
      secret: 'secrets: [{ env: HOOK_SECRET_NEW }, { env: HOOK_SECRET }]',
      env,
    })
    hosted.host.add({ url: hosted.url, secret: firstSecret })
    expect(await hosted.ask('webhooks', 'rotate', 'blog')).toMatchObject({ code: 0, err: '' })
    expect(hosted.host.hooks).toMatchObject([{ secret: env.HOOK_SECRET_NEW }])
  })
})
