import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { checkExposed } from '../../src/doctor/exposed.ts'
import { createApp, createMap } from '../support/map.ts'
import { createPatient, privateDirectory } from './patient.ts'
import { openSite, type Site } from './site.ts'

/** A web server that hands out every file below a directory, as a careless one does. */
async function serve(directory: string, { fallback }: { readonly fallback?: string } = {}): Promise<Site> {
  return openSite((path, response) => {
    readFile(join(directory, normalize(path))).then(
      (bytes) => response.end(bytes),
      () => (fallback === undefined ? response.writeHead(404).end() : response.end(fallback)),
    )
  })
}

const lookAt = (site: Site, change: Parameters<typeof createApp>[1] = {}) =>
  checkExposed(
    createPatient({
      map: createMap([createApp('blog', { path: '/srv/blog', ...change })]),
      urls: new Map([['blog', site.url]]),
    }),
  )

describe('the site of an app', () => {
  it('is a problem when a real git directory can be read from it', async () => {
    const root = await privateDirectory()
    await execa('git', ['init', '-q', '-b', 'main', root])
    const site = await serve(root)
    expect(await lookAt(site)).toEqual([
      {
        level: 'problem',
        where: `blog: ${site.url}/.git/HEAD`,
        what: 'is handed out: the whole repository with its history can be downloaded',
        cure: expect.stringContaining('names that begin with a dot') as string,
      },
    ])
  })

  it('is a problem when HEAD names a commit', async () => {
    const root = await privateDirectory()
    await mkdir(join(root, '.git'))
    await writeFile(join(root, '.git', 'HEAD'), `${'a'.repeat(40)}\n`)
    expect(await lookAt(await serve(root))).toMatchObject([{ level: 'problem' }])
  })

  it('is a warning when it hands out the .git file that deployhook itself puts there', async () => {
    const root = await privateDirectory()
    await writeFile(join(root, '.git'), 'gitdir: /var/lib/deployhook/views/blog.git\n')
    expect(await lookAt(await serve(root))).toMatchObject([
      { level: 'warning', what: expect.stringContaining('where on this machine') as string },
    ])
  })

  it.each([
    { text: 'APP_KEY=base64:abc\nDB_PASSWORD=hunter2\n' },
    { text: '# production\n\nexport SECRET="x"\n' },
    { text: 'KEY="-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"\n' },
  ])('is a problem when .env can be read, without a word of it: $text', async ({ text }) => {
    const root = await privateDirectory()
    await writeFile(join(root, '.env'), text)
    const found = await lookAt(await serve(root))
    expect(found).toMatchObject([
      {
        level: 'problem',
        what: 'is handed out: everybody can read its secrets',
        cure: expect.stringContaining('change those secrets') as string,
      },
    ])
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })

  it.each([
    '<!doctype html>\n<title>Blog</title>',
    '{"error": "not found"}',
    'Not found',
    '',
    '<script>const A=1</script>',
    'if (a == b) {}',
  ])('is well when every path gives the same page: %s', async (fallback) => {
    const site = await serve(await privateDirectory(), { fallback })
    expect(await lookAt(site)).toEqual([
      { level: 'ok', where: `blog: ${site.url}`, what: 'hands out neither /.git nor /.env', cure: null },
    ])
  })

  it('cannot hold the daemon up with what it sends', async () => {
    const site = await serve(await privateDirectory(), { fallback: `gitdir: a${' '.repeat(65_000)}\nx` })
    const startedAt = performance.now()
    expect(await lookAt(site)).toMatchObject([{ level: 'ok' }])
    expect(performance.now() - startedAt).toBeLessThan(1_500)
  })

  it('of releases is also looked at where the document root is one directory too high', async () => {
    const root = await privateDirectory()
    await mkdir(join(root, 'current'))
    await mkdir(join(root, 'shared'))
    await writeFile(join(root, 'shared', '.env'), 'A=b\n')
    const site = await serve(root)
    expect(await lookAt(site)).toMatchObject([{ level: 'ok' }])
    expect(await lookAt(site, { strategy: 'releases' })).toMatchObject([
      {
        level: 'problem',
        where: `blog: ${site.url}/shared/.env`,
        cure: expect.stringContaining('/srv/blog/current/public, not /srv/blog') as string,
      },
    ])
  })

  it('is found by the http health checks when no address was told', async () => {
    const root = await privateDirectory()
    await writeFile(join(root, '.env'), 'A=b\n')
    const site = await serve(root)
    const probe = {
      kind: 'http',
      url: `${site.url}/up?x=1`,
      status: { from: 200, to: 299 },
      contains: null,
      headers: new Map(),
      followRedirects: false,
    } as const
    const check = { probe, timeoutMs: 1, intervalMs: 1, retries: 0, preview: false }
    const preview = { ...check, probe: { ...probe, url: 'http://127.0.0.1:{port}/' } }
    const map = createMap([createApp('blog', { health: [check, check, preview] })])
    expect(await checkExposed(createPatient({ map }))).toMatchObject([
      { level: 'problem', where: `blog: ${site.url}/.env` },
    ])
  })

  it('is not tried when no address is known, and that is said', async () => {
    const found = await checkExposed(createPatient({ map: createMap([createApp('blog')]) }))
    expect(found).toMatchObject([{ level: 'ok', what: expect.stringContaining('were not tried') as string }])
  })

  it('is a warning when it does not answer, or is of no app', async () => {
    const urls = new Map([
      ['blog', 'http://127.0.0.1:1'],
      ['shop', 'http://127.0.0.1:1'],
    ])
    const found = await checkExposed(createPatient({ map: createMap([createApp('blog')]), urls }))
    expect(found).toMatchObject([
      { level: 'warning', where: '--url shop', what: 'there is no app of that name in deploy.yml' },
      {
        level: 'warning',
        where: 'blog: http://127.0.0.1:1',
        what: 'refuses connections: nothing listens there (yet), so /.git and /.env were not tried',
      },
    ])
  })

  it('is followed to where it redirects on the same host, and to no other', async () => {
    const root = await privateDirectory()
    await writeFile(join(root, '.env'), 'A=b\n')
    const target = await serve(root)
    const moved = (to: string) =>
      openSite((path, response) => response.writeHead(301, { location: `${to}${path}` }).end())
    expect(await lookAt(await moved(target.url))).toMatchObject([{ level: 'problem' }])
    const before = target.asked.length
    expect(await lookAt(await moved(target.url.replace('127.0.0.1', 'localhost')))).toMatchObject([{ level: 'ok' }])
    expect(target.asked.length).toBe(before)
  })
})
