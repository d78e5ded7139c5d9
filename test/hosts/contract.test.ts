import { describe, expect, it } from 'vitest'
import { createCall, HostProblem, hostOf, hosts, type Hooks } from '../../src/hosts/index.ts'
import { Secret } from '../../src/lib/secret.ts'
import { startFakeHost, type FakeHost } from './fake-host.ts'

const url = 'https://deploy.example.com/hooks/blog'
const [oldSecret, newSecret] = [new Secret('the-old-secret-0123456789'), new Secret('the-new-secret-0123456789')]

type Opening = {
  readonly token?: string
  readonly path?: string
  readonly apiUrl?: string
  readonly timeoutMs?: number
}

function hooksOf(provider: string, host: FakeHost, opening: Opening = {}): Hooks {
  const { token = host.token, path = 'acme/blog', apiUrl = host.apiUrl, timeoutMs = 5_000 } = opening
  const api = hostOf(provider)
  if (api === null) throw new Error(`no API of ${provider}`)
  const secret = new Secret(token)
  const call = createCall({
    ...{ apiUrl, path, right: api.right, timeoutMs, signal: new AbortController().signal },
    ...{ authorization: api.authorization(secret), secrets: [secret, oldSecret, newSecret] },
    proxy: { https: null, except: null },
  })
  return api.hooksOf(path, call)
}

async function problemOf(doing: Promise<unknown>): Promise<HostProblem> {
  const problem: unknown = await doing.then(
    () => null,
    (error: unknown) => error,
  )
  if (problem instanceof HostProblem) return problem
  throw new Error(`expected a HostProblem, and got ${String(problem)}`)
}

describe.each(Object.keys(hosts))('the API of %s', (provider) => {
  it('makes a hook that sends pushes as JSON, signed and over checked TLS, and finds it again', async () => {
    const host = await startFakeHost(provider)
    const hooks = hooksOf(provider, host)
    await hooks.create({ url, secret: oldSecret, tags: false })

    const kept = { url, secret: oldSecret.reveal(), isActive: true, pushes: true, isJson: true, verifiesTls: true }
    expect(host.hooks).toMatchObject([kept])
    const [found, ...others] = await hooks.list()
    expect(others).toEqual([])
    expect(found).toMatchObject({ url, isActive: true, sendsPushes: true, trouble: null })
    expect([true, null]).toContain(found?.isJson)
    expect([true, null]).toContain(found?.verifiesTls)
    expect([true, null]).toContain(found?.hasSecret)
    expect(JSON.stringify(found)).not.toContain(oldSecret.reveal())
  })

  it('mends a hook that is off, sends no pushes and does not check TLS, and leaves on what else it hears of', async () => {
    const host = await startFakeHost(provider)
    const extra = provider === 'bitbucket' ? { events: ['pullrequest:created'] } : { events: ['release'] }
    host.add({
      url,
      secret: oldSecret.reveal(),
      isActive: ['gitlab', 'gitee'].includes(provider),
      pushes: false,
      isJson: false,
      verifiesTls: false,
      extra,
    })
    const hooks = hooksOf(provider, host)
    const [before] = await hooks.list()
    expect(before?.sendsPushes).toBe(false)
    if (before === undefined) return
    await hooks.update(before, { url, secret: newSecret, tags: false })

    expect(host.hooks).toMatchObject([{ url, secret: newSecret.reveal(), isActive: true, pushes: true }])
    if (['github', 'gitea', 'forgejo', 'bitbucket'].includes(provider))
      expect(host.hooks[0]?.extra['events']).toEqual(expect.arrayContaining(extra.events))
  })

  it('changes a secret so that at every instant a push is sent with the old one or the new one', async () => {
    const host = await startFakeHost(provider)
    host.add({ url, secret: oldSecret.reveal() })
    const hooks = hooksOf(provider, host)
    const [hook] = await hooks.list()
    if (hook !== undefined) await hooks.update(hook, { url, secret: newSecret, tags: false })

    expect(host.secretsSeen(url).length).toBeGreaterThan(1)
    for (const secrets of host.secretsSeen(url)) {
      expect(secrets.length).toBeGreaterThan(0)
      for (const secret of secrets) expect([oldSecret.reveal(), newSecret.reveal()]).toContain(secret)
    }
    expect(host.hooks.map(({ secret }) => secret)).toEqual([newSecret.reveal()])
  })

  it('finds a hook on the last of many pages, and asks nobody but the one API', async () => {
    const host = await startFakeHost(provider)
    for (let count = 0; count < 45; count += 1) host.add({})
    host.add({ url })
    const found = await hooksOf(provider, host).list()
    expect(found).toHaveLength(46)
    expect(found.at(-1)?.url).toBe(url)
    for (const { url: asked } of host.asked) expect(asked).toMatch(/^\/api\//)
  })

  it('never has the token or a secret in a URL', async () => {
    const host = await startFakeHost(provider)
    const hooks = hooksOf(provider, host)
    await hooks.create({ url, secret: oldSecret, tags: true })
    const [hook] = await hooks.list()
    if (hook === undefined) throw new Error('no hook')
    await hooks.deliveries?.(hook)
    await hooks.test?.(hook)
    await hooks.update(hook, { url, secret: newSecret, tags: true })
    for (const { url: asked } of host.asked) expect(asked).not.toMatch(/token|secret-|access_token/)
  })

  it('tells whose fault a refusal is, with the right that the token needs', async () => {
    const host = await startFakeHost(provider)
    const right = hosts[provider]?.right ?? ''
    const bad = await problemOf(hooksOf(provider, host, { token: 'not-the-token-0123456789' }).list())
    expect(bad).toMatchObject({ kind: 'token' })
    expect(bad.message).toContain(right)

    const other = await problemOf(hooksOf(provider, host, { path: 'acme/other' }).list())
    expect(other).toMatchObject({ kind: 'not_found' })
    expect(other.message).toContain('acme/other')
  })
})

describe('an API that does not do what it is asked', () => {
  const answering = (status: number, headers: Readonly<Record<string, string>> = {}, body: unknown = {}) =>
    async function ask(): Promise<HostProblem> {
      const host = await startFakeHost('github')
      host.answerAll((response) => response.writeHead(status, headers).end(JSON.stringify(body)))
      return problemOf(hooksOf('github', host).list())
    }

  it.each([
    [403, {}, 'right', 'It needs "Webhooks: Read and write"'],
    [403, { 'x-ratelimit-remaining': '0' }, 'too_often', 'too many requests'],
    [403, { 'retry-after': '600' }, 'too_often', 'try again in 10 min'],
    [429, { 'retry-after': '30' }, 'too_often', 'try again in 30 s'],
    [422, {}, 'refused', 'does not take this for acme/blog (422)'],
    [500, {}, 'trouble', 'in trouble itself'],
    [200, {}, 'strange', 'is --api-url right'],
  ])('answers %i with %j: %s', async (status, headers, kind, said) => {
    const problem = await answering(status, headers)()
    expect(problem.kind).toBe(kind)
    expect(problem.message).toContain(said)
  })

  it('quotes what the host says, without the token that it sends back', async () => {
    const problem = await answering(
      422,
      {},
      { message: 'Validation Failed', errors: [{ message: 'no token-of-github-0123456789abcdef here' }] },
    )()
    expect(problem.message).toContain('Validation Failed; no [secret] here')
  })

  it('sends the token nowhere else when it is redirected', async () => {
    const elsewhere = await startFakeHost('github')
    const problem = await answering(301, { location: `${elsewhere.apiUrl}/repos/acme/blog/hooks` })()
    expect(problem).toMatchObject({ kind: 'redirect' })
    expect(problem.message).toContain('--api-url')
    expect(elsewhere.asked).toEqual([])
  })

  it('is given up when it does not answer in time, or not to the end', async () => {
    const host = await startFakeHost('github')
    host.answerAll((response) => response.writeHead(200).write('['))
    const problem = await problemOf(hooksOf('github', host, { timeoutMs: 200 }).list())
    expect(problem).toMatchObject({ kind: 'unreachable' })
    expect(problem.message).toContain('gave no whole answer within 0.2 s')
  })

  it('is not read to the end when there is none', async () => {
    const host = await startFakeHost('github')
    host.answerAll((response) => {
      response.writeHead(200, { link: '<https://x.example/?page=2>; rel="next"' }).end('[]')
    })
    expect(await problemOf(hooksOf('github', host).list())).toMatchObject({ kind: 'strange' })
    expect(host.asked.length).toBe(50)
  })

  it('that is not there is named', async () => {
    const host = await startFakeHost('github')
    const problem = await problemOf(hooksOf('github', host, { apiUrl: 'http://127.0.0.1:1/api' }).list())
    expect(problem.message).toContain('127.0.0.1:1 refuses connections')
  })

  it.each(['http://git.example.com/api/v1', 'ftp://x/', 'https://me:pw@git.example.com', 'git.example.com'])(
    'at %s is never shown the token',
    async (apiUrl) => {
      const host = await startFakeHost('github')
      await expect((async () => hooksOf('github', host, { apiUrl }).list())()).rejects.toMatchObject({
        kind: 'insecure',
      })
    },
  )
})

describe('GitLab', () => {
  const signing = new Secret(`whsec_${Buffer.alloc(32, 7).toString('base64')}`)

  it('is given a secret that starts with whsec_ as its signing token', async () => {
    const host = await startFakeHost('gitlab')
    await hooksOf('gitlab', host).create({ url, secret: signing, tags: true })
    const { body } = host.asked[0] ?? {}
    expect(body).toMatchObject({ signing_token: signing.reveal(), tag_push_events: true })
    expect(body).not.toHaveProperty('token')
  })

  it('that knows no signing tokens is left without a hook that proves nothing', async () => {
    const host = await startFakeHost('gitlab')
    host.add({ extra: { old: true } })
    const problem = await problemOf(hooksOf('gitlab', host).create({ url, secret: signing, tags: false }))
    expect(problem.message).toContain('no signing tokens')
    expect(host.hooks).toHaveLength(1)
  })

  it('says when it has switched a hook off', async () => {
    const host = await startFakeHost('gitlab')
    host.add({ url, isActive: false })
    expect(await hooksOf('gitlab', host).list()).toMatchObject([
      { isActive: false, trouble: expect.stringContaining('switched it off after failures') as unknown },
    ])
  })
})

describe('Gitea and Forgejo', () => {
  it.each(['gitea', 'forgejo'])(
    'keep the branch filter and the header of a hook whose secret is changed (%s)',
    async (provider) => {
      const host = await startFakeHost(provider)
      host.add({
        url,
        secret: 'x',
        extra: { type: provider, branch_filter: 'main', authorization_header: 'Bearer of-theirs' },
      })
      const hooks = hooksOf(provider, host)
      const [hook] = await hooks.list()
      if (hook !== undefined) await hooks.update(hook, { url, secret: newSecret, tags: false })
      expect(host.hooks).toMatchObject([
        { extra: { branch_filter: 'main', authorization_header: 'Bearer of-theirs', type: provider } },
      ])
    },
  )
})

describe('Bitbucket', () => {
  it('takes the API token of a person, with the address of its owner', async () => {
    const host = await startFakeHost('bitbucket')
    host.add({ url })
    expect(await hooksOf('bitbucket', host, { token: `me@example.com:${host.token}` }).list()).toHaveLength(1)
  })
})
