import { describe, expect, it } from 'vitest'
import { hostNameIn } from '../../src/http/host-names.ts'
import { defaultLimits } from '../../src/http/limits.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import { createPresenter } from '../../src/http/present.ts'
import { createServer, type Server } from '../../src/http/server.ts'
import { dial, openDoor, tokens, type Door } from './door.ts'

/** What anybody may ask for; whoever adds to it has thought about it. */
const openToAll = ['POST /hooks/:webhook', 'GET /healthz', 'GET /readyz']

function routesOf({ deps }: Door): Server['registered'] {
  const { registered } = createServer(
    {
      ...deps,
      limits: defaultLimits,
      metrics: createMetrics(deps),
      present: createPresenter(deps),
      address: () => '',
      closing: new AbortController().signal,
      monotonic: () => 0,
      warn: () => undefined,
    },
    { door: 'public', listens: () => null },
  )
  return registered
}

function askable(route: Server['registered'][number]): { readonly path: string; readonly method: 'GET' | 'POST' } {
  const path = route.url.replace(':webhook', 'github').replace(':app', 'blog').replace(':id', '1')
  return { path, method: route.method === 'POST' ? 'POST' : 'GET' }
}

describe('every route there is', () => {
  it('asks for a token over the public listener, but for those that need none', async () => {
    const door = await openDoor()
    const routes = routesOf(door)
    expect(routes.length).toBeGreaterThan(12)
    for (const route of routes) {
      const { path, method } = askable(route)
      for (const token of [null, 'token-that-nobody-gave']) {
        const { status, headers } = await door.api(path, { method, token })
        const name = `${route.method} ${route.url}`
        if (openToAll.includes(name)) expect([200, 401], name).toContain(status)
        else
          expect({ name, status, challenge: headers['www-authenticate'] }).toEqual({
            name,
            status: 401,
            challenge: 'Bearer realm="deployhook"',
          })
      }
    }
    expect(await door.store.deployments({ limit: 1 })).toEqual([])
  })

  it('that changes anything refuses a token that may only read', async () => {
    const door = await openDoor()
    const changing = routesOf(door).filter(({ method, url }) => method === 'POST' && url.startsWith('/api/'))
    for (const { access, url } of changing) expect(['operate', 'control'], url).toContain(access)
    for (const route of changing) {
      const { path, method } = askable(route)
      const answer = await door.api(path, { method, token: tokens.read })
      expect(answer.status, path).toBe(403)
      expect(answer.body).toMatchObject({ error: { code: 'forbidden' } })
    }
    expect(await door.store.deployments({ limit: 1 })).toEqual([])
    expect((await door.api('/api/status', { token: tokens.read })).status).toBe(200)
  })

  it('that only reads is a GET, and that only a GET', async () => {
    const door = await openDoor()
    for (const { method, access } of routesOf(door))
      expect(['operate', 'control', 'hook'].includes(access)).toBe(method === 'POST')
  })

  it('that signs with a webhook’s secret is for the control socket alone', async () => {
    const door = await openDoor()
    const path = '/api/webhooks/github/sample'
    expect(await door.api(path, { method: 'POST' })).toMatchObject({
      status: 403,
      body: { error: { message: 'This is for the control socket alone.' } },
    })
    const signed = await door.control(path, { method: 'POST', body: '{"app": "blog"}' })
    expect(signed).toMatchObject({ status: 200, body: { app: 'blog' } })
    expect(await door.control(path, { method: 'POST' })).toMatchObject({
      status: 409,
      body: { error: { code: 'which_app', message: 'Name an app: blog, shop.' } },
    })
  })

  it('needs no token over the control socket', async () => {
    const door = await openDoor()
    for (const route of routesOf(door).filter(({ url }) => !url.startsWith('/hooks'))) {
      const { path, method } = askable(route)
      expect((await door.control(path, { method })).status, path).not.toBe(401)
    }
  })

  it('sends the security headers with every answer, good or bad', async () => {
    const door = await openDoor()
    const paths = [
      '/healthz',
      '/api/status',
      '/api/deployments?limit=x',
      '/nothing',
      '/hooks/github',
      '/%zz',
      '/metrics',
      '/api/deployments/1/log',
    ]
    for (const path of paths) {
      for (const token of [tokens.operate, null]) {
        const { headers } = await door.api(path, { token })
        expect(headers, path).toMatchObject({
          'cache-control': 'no-store',
          'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
          'referrer-policy': 'no-referrer',
          'x-content-type-options': 'nosniff',
        })
        expect(headers['access-control-allow-origin']).toBeUndefined()
      }
    }
    const line = await dial(door)
    line.say('nonsense\r\n\r\n')
    expect(await line.ended()).toMatch(/x-content-type-options: nosniff/)
  })
})

describe('a token', () => {
  it.each([
    ['as Basic', { authorization: `Basic ${tokens.operate}` }],
    ['without a scheme', { authorization: tokens.operate }],
    ['with more behind it', { authorization: `Bearer ${tokens.operate} x` }],
    ['cut short', { authorization: `Bearer ${tokens.operate.slice(0, -1)}` }],
    ['empty', { authorization: 'Bearer ' }],
    ['in another header', { 'x-api-key': tokens.operate }],
    ['in a cookie', { cookie: `token=${tokens.operate}` }],
  ])('%s is none', async (_, headers) => {
    const door = await openDoor()
    expect((await door.api('/api/status', { token: null, headers })).status).toBe(401)
    expect((await door.api(`/api/status?token=${tokens.operate}`, { token: null, headers })).status).toBe(401)
  })

  it('sent twice is none, not even when the first is right', async () => {
    const door = await openDoor()
    const line = await dial(door)
    const bearer = `Authorization: Bearer ${tokens.operate}\r\n`
    line.say(
      `GET /api/status HTTP/1.1\r\nHost: localhost\r\n${bearer}Authorization: Bearer x\r\nConnection: close\r\n\r\n`,
    )
    expect(await line.ended()).toMatch(/^HTTP\/1\.1 401 /)
  })

  it('that was taken out of deploy.yml is none from then on', async () => {
    const door = await openDoor()
    expect((await door.api('/api/status')).status).toBe(200)
    door.setMap((map) => ({ ...map, server: { ...map.server, apiTokens: [] } }))
    const answer = await door.api('/api/status')
    expect(answer.status).toBe(401)
    expect(answer.body).toMatchObject({ error: { message: expect.stringContaining('server.api_tokens') as string } })
  })

  it('is never logged; its name is, with what it did', async () => {
    const door = await openDoor()
    await door.api('/api/apps/blog/deploy', { method: 'POST' })
    await door.api('/api/status', { token: 'token-that-nobody-gave' })
    expect(JSON.stringify(door.logged)).not.toContain('token-that')
    expect(door.logged).toContainEqual(
      expect.objectContaining({
        message: 'deploy requested',
        fields: expect.objectContaining({ app: 'blog', by: 'ci' }) as object,
      }),
    )
  })

  it('is not asked for by /metrics when they are public, while the API goes on asking', async () => {
    const door = await openDoor({ server: { metrics: 'public' } })
    expect((await door.api('/metrics', { token: null })).status).toBe(200)
    expect((await door.api('/api/status', { token: null })).status).toBe(401)
  })
})

describe('the Host name', () => {
  const server = { publicUrl: 'https://Deploy.example.com', hosts: ['other.example.com', 'fd00::7'] }

  async function statusFor(door: Door, host: string, path = '/api/status'): Promise<string> {
    const line = await dial(door)
    line.say(
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${tokens.operate}\r\nConnection: close\r\n\r\n`,
    )
    return (await line.ended()).slice(9, 12)
  }

  it.each([
    'localhost',
    'LOCALHOST:9000',
    'localhost.',
    '127.0.0.1',
    '127.1.2.3:80',
    '[::1]',
    '[::1]:9000',
    'deploy.example.com',
    'deploy.example.com.:443',
    'other.example.com',
    '[fd00::7]:9000',
  ])('may be %s', async (host) => {
    expect(await statusFor(await openDoor({ server }), host)).toBe('200')
  })

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '[::2]',
    'deploy.example.com@evil.example',
    'deploy.example.com evil.example',
    'localhost, evil.example',
    '',
    'localhost:',
    'localhost:x',
    'xn--dploy',
    '1270.0.1',
    '[::1',
    'deploy.example.com..',
  ])('may not be "%s" for the API and metrics, while hooks and health take any', async (host) => {
    const door = await openDoor({ server })
    expect(await statusFor(door, host)).toBe('421')
    expect(await statusFor(door, host, '/metrics')).toBe('421')
    expect(await statusFor(door, host, '/healthz')).toBe('200')
    expect(await statusFor(door, host, '/hooks/github')).toBe('405')
  })

  it('given twice is refused', async () => {
    expect(await statusFor(await openDoor({ server }), 'localhost\r\nHost: evil.example')).not.toBe('200')
  })

  it('is refused before the token is looked at, and the log holds the cure', async () => {
    const door = await openDoor()
    const answer = await door.api('/api/status', { token: null, headers: { host: 'evil.example' } })
    expect(answer.status).toBe(421)
    expect(answer.body).toEqual({ error: { code: 'host_not_allowed', message: expect.any(String) as string } })
    expect(door.logged).toContainEqual({
      level: 'warn',
      fields: { host: 'evil.example' },
      message: expect.stringContaining('server.hosts') as string,
    })
  })

  it('is not taken from what a proxy forwards', async () => {
    const door = await openDoor({ server: { trustProxy: ['127.0.0.1'] } })
    expect(
      (await door.api('/api/status', { headers: { host: 'evil.example', 'x-forwarded-host': 'localhost' } })).status,
    ).toBe(421)
  })

  it('does not matter on the control socket, which no browser reaches', async () => {
    const door = await openDoor()
    expect((await door.control('/api/status', { headers: { host: 'anything' } })).status).toBe(200)
  })

  it('is read without its port, brackets and trailing dot', () => {
    expect(['A.example:1', 'a.example.', '[::1]:9', 'a b', undefined].map(hostNameIn)).toEqual([
      'a.example',
      'a.example',
      '::1',
      null,
      null,
    ])
  })
})
