import { chmod, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { run } from '../world.ts'
import { all, createHosted, firstSecret, testable } from './hosted.ts'

describe.each(all)('deployhook webhooks create (%s)', (provider) => {
  it('makes the hook once, mends it when it is run again, and shows what the host has', async () => {
    const { ask, host, url } = await createHosted(provider, { daemon: false })
    host.add({ url: 'https://chat.example.com/notify' })
    expect((await ask('webhooks', 'list', 'blog')).out).toContain('Make it: deployhook webhooks create blog')
    const made = await ask('webhooks', 'create', 'blog')
    expect(made.err).toBe('')
    expect(made.out).toContain(`acme/blog: ${url}`)
    expect(made.code).toBe(0)

    Object.assign(host.hooks[1] ?? {}, { pushes: false, secret: 'of-somebody-else-0123456789' })
    const { out } = await ask('webhooks', 'list', 'blog')
    expect(out).toContain(url)
    expect(out).not.toContain('chat.example.com')
    expect(out).toContain('it sends no pushes. Mend it: deployhook webhooks create blog')

    expect(JSON.parse((await ask('webhooks', 'create', 'blog', '--json')).out)).toEqual({
      ...{ result: 'updated', app: 'blog', webhook: provider, provider, repository: 'acme/blog', url, doubles: [] },
    })
    expect(host.hooks).toMatchObject([{}, { url, secret: firstSecret, isActive: true, pushes: true }])
    const { hooks } = JSON.parse((await ask('webhooks', 'list', 'blog', '--json')).out) as { hooks: unknown[] }
    expect(hooks).toMatchObject([{ url, isOurs: true, sendsPushes: true }])
  })
})

describe.each(testable)('deployhook webhooks test (%s)', (provider) => {
  it('follows the chain to the link that is broken, whose cure mends it', async () => {
    const { ask, host, url } = await createHosted(provider)
    const missing = await ask('webhooks', 'test', 'blog')
    expect(missing.out).toMatch(/broken {2}.* has no hook of acme\/blog/)
    expect(missing.code).toBe(1)

    host.add({ url, secret: 'quite-another-secret-0123456789' })
    const differs = await ask('webhooks', 'test', 'blog')
    expect(differs.out).toContain('it arrived, and was refused: bad_signature')
    expect(differs.out).toContain('deployhook webhooks create blog')
    expect(differs.code).toBe(1)

    expect(await ask('webhooks', 'create', 'blog')).toMatchObject({ code: 0, err: '' })
    const { out, err, code } = await ask('webhooks', 'test', 'blog')
    expect(err).toBe('')
    expect(out).toMatch(
      provider === 'github' ? /it arrived \(ping, delivery 1\) and was believed/ : /was accepted: deployment 1 of blog/,
    )
    expect(out).not.toContain('broken')
    expect(code).toBe(0)
  })
})

describe('deployhook webhooks test', () => {
  it('tells by the answer that the host got where the test was lost', async () => {
    let answered = 0
    const { ask, host, url } = await createHosted('github', {
      onTest: (hook, { sent }) => {
        sent.set(hook.id, [{ at: new Date().toISOString(), event: 'ping', status: answered, providerId: 'x' }])
      },
    })
    host.add({ url, secret: firstSecret })
    for (const [status, said, cure] of [
      [502, ': GitHub got the answer 502', 'the proxy does not reach deployhook'],
      [404, ': GitHub got the answer 404', 'the proxy does not pass /hooks/ on'],
      [200, ', although GitHub got the answer 200', 'another program answers'],
      [0, ': GitHub got no answer', 'DNS, firewall, proxy or certificate'],
    ] as const) {
      answered = status
      const { out, code } = await ask('webhooks', 'test', 'blog')
      expect(out).toContain(`broken  nothing arrived here${said}`)
      expect(out).toContain(cure)
      expect(code).toBe(1)
    }
  })

  it('says where to look when the API does not tell', async () => {
    const { ask, host, url } = await createHosted('gitea', { onTest: () => undefined })
    host.add({ url, secret: firstSecret })
    const { out } = await ask('webhooks', 'test', 'blog', '--json')
    const { ok, links } = JSON.parse(out) as {
      ok: boolean
      links: readonly { link: string; ok: boolean; cure: string }[]
    }
    expect(ok).toBe(false)
    expect(links.map(({ link, ok }) => [link, ok])).toEqual([
      ['daemon', true],
      ['hook', true],
      ['host', true],
      ['arrival', false],
    ])
    expect(links.at(-1)?.cure).toContain('ALLOWED_HOST_LIST')
  })

  it('says that Bitbucket has none', async () => {
    const { ask, host, url } = await createHosted('bitbucket')
    host.add({ url, secret: firstSecret })
    const { out, code } = await ask('webhooks', 'test', 'blog')
    expect(out).toContain('Bitbucket has no test of a hook')
    expect(code).toBe(1)
  })

  it('needs the daemon, and says so', async () => {
    const { ask } = await createHosted('github', { daemon: false })
    expect(await ask('webhooks', 'test', 'blog')).toMatchObject({ code: 3 })
  })
})

describe('the token', () => {
  it('is taken from a variable, or from a file that nobody else can read, and is never shown', async () => {
    const { world, host, ask, url } = await createHosted('github', { daemon: false })
    const around = {
      cwd: world.dir,
      uid: process.getuid?.() ?? 0,
      env: { DEPLOYHOOK_CONFIG: world.path('deploy.yml'), DEPLOYHOOK_HOST_TOKEN: host.token },
    }
    const create = ['webhooks', 'create', 'blog', '--api-url', host.apiUrl, '--public-url', url]
    const made = await run(create, around)
    expect(made).toMatchObject({ code: 0, err: '' })
    expect(made.out).not.toContain(host.token)

    const none = await run(create, { ...around, env: { DEPLOYHOOK_CONFIG: world.path('deploy.yml') } })
    expect(none).toMatchObject({ code: 2 })
    expect(none.err).toContain('--token-file FILE, or DEPLOYHOOK_HOST_TOKEN')
    expect(none.err).toContain('"Webhooks: Read and write"')
    const named = await run([...create, '--token-env', 'GITHUB_API'], around)
    expect(named.err).toContain('--token-file FILE, or GITHUB_API in the environment')

    await chmod(world.path('token'), 0o644)
    expect(await ask('webhooks', 'create', 'blog')).toMatchObject({
      code: 2,
      err: expect.stringContaining('chmod o-rwx') as unknown,
    })
    await chmod(world.path('token'), 0o600)
    await writeFile(world.path('token'), 'two words\n')
    expect(await ask('webhooks', 'create', 'blog')).toMatchObject({ code: 2 })
    await writeFile(world.path('token'), 'wrong-token-0123456789\n')
    const wrong = await ask('webhooks', 'create', 'blog')
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('does not take the token (401)') as unknown })
    expect(wrong.err).not.toContain('wrong-token')
  })
})

describe('what cannot be done is told with the cure', () => {
  it('an app, a webhook or an address that is not there', async () => {
    const { ask, world } = await createHosted('github', { daemon: false })
    expect(await ask('webhooks', 'create', 'shop')).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is blog') as unknown,
    })
    expect((await ask('webhooks', 'create', 'blog', '--webhook', 'gitlab')).err).toContain('there is github')
    expect((await ask('webhooks', 'create', 'blog', '--public-url', 'nonsense')).err).toContain(
      'write it like https://',
    )
    const noUrl = await run(['webhooks', 'list', 'blog'], {
      ...{ cwd: world.dir, uid: process.getuid?.() ?? 0 },
      env: { DEPLOYHOOK_CONFIG: world.path('deploy.yml') },
    })
    expect(noUrl).toMatchObject({ code: 2, err: expect.stringContaining('server.public_url') as unknown })
  })

  it('a host whose API is not known: its form', async () => {
    const { ask, world } = await createHosted('github', { daemon: false })
    const text = await world.read('deploy.yml')
    await writeFile(world.path('deploy.yml'), text.replace('github: #', 'azure: #'))
    const { err, code } = await ask('webhooks', 'create', 'blog')
    expect(err).toContain('does not know the API of azure')
    expect(err).toContain('"Basic authentication password"')
    expect(code).toBe(2)
  })

  it('a deploy.yml that is wrong', async () => {
    const { ask, world } = await createHosted('github', { daemon: false })
    await writeFile(world.path('deploy.yml'), 'apps: {}\nwat: 1\n')
    const { err, code } = await ask('webhooks', 'create', 'blog')
    expect(err).toContain('deploy.yml:2:1')
    expect(code).toBe(1)
  })

  it('hostile words of a host are made harmless', async () => {
    const { ask, host } = await createHosted('github', { daemon: false })
    host.answerAll((response) => {
      response.writeHead(422).end(JSON.stringify({ message: '\u001b]0;title\u0007root#\u0000' }))
    })
    const { err } = await ask('webhooks', 'create', 'blog')
    expect(err).toMatch(/^deployhook: 127\.0\.0\.1:\d+ does not take this for acme\/blog \(422\): root#\n$/)
  })
})
