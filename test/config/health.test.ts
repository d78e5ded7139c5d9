import { describe, expect, it } from 'vitest'
import { headsOf, mapOf, withApp } from './support.ts'

const checksOf = async (...lines: readonly string[]) => (await mapOf(withApp(...lines))).apps.get('blog')?.health

const withHealth = (check: string): string => withApp(`health: ${check}`)

describe('a health check', () => {
  it('fills in what is left out, alone or in a list', async () => {
    const check = {
      probe: {
        kind: 'http',
        url: 'http://127.0.0.1:3000/health',
        status: { from: 200, to: 299 },
        contains: null,
        headers: new Map(),
        followRedirects: false,
      },
      timeoutMs: 5_000,
      intervalMs: 1_000,
      retries: 30,
      preview: false,
    }
    expect(await checksOf('health: { http: http://127.0.0.1:3000/health }')).toEqual([check])
    expect(await checksOf('health: [{ http: http://127.0.0.1:3000/health }]')).toEqual([check])
  })

  it('is of four kinds', async () => {
    const probes = await checksOf(
      'health:',
      '  - { http: http://127.0.0.1, status: 200-399, contains: ok, headers: { Host: x, Authorization: { env: TOKEN } }, follow_redirects: true }',
      '  - { tcp: "[::1]:5432", timeout: 2s, interval: 500ms, retries: 0 }',
      '  - { command: [npm, test] }',
      '  - { systemd_unit: api@1.service }',
    )
    expect(probes).toMatchObject([
      { probe: { status: { from: 200, to: 399 }, contains: 'ok', followRedirects: true } },
      { probe: { kind: 'tcp', host: '::1', port: 5432 }, timeoutMs: 2_000, intervalMs: 500, retries: 0 },
      { probe: { kind: 'command', run: { kind: 'argv', argv: ['npm', 'test'] } } },
      { probe: { kind: 'systemd_unit', unit: 'api@1.service' } },
    ])
  })

  it.each([
    ['{}', ': needs exactly one of http, tcp, command, systemd_unit'],
    ['{ tcp: 127.0.0.1:1, command: make }', ': needs exactly one of http, tcp, command, systemd_unit'],
    ['{ tcp: 127.0.0.1:1, status: 200 }', '.status: is for http alone: take it out'],
    ['{ http: localhost:3000 }', '.http: must be a URL such as http://127.0.0.1:3000/health'],
    ['{ http: https://a:b@example.com }', '.http: must not hold a user name or password: give headers'],
    ['{ http: http://127.0.0.1, status: 99 }', '.status: must be a whole number from 100 to 599'],
    [
      '{ http: http://127.0.0.1, status: 400-200 }',
      '.status: must be a status such as 204, or a range such as 200-399',
    ],
    ['{ http: http://127.0.0.1, contains: "" }', '.contains: is empty: give a text, or take the key out'],
    ['{ http: http://127.0.0.1, headers: { A: 1 } }', '.headers.A: must be a string: quote it ("1")'],
    ['{ tcp: 127.0.0.1 }', '.tcp: must be HOST:PORT, such as 127.0.0.1:5432 (of a preview: 127.0.0.1:{port})'],
    ['{ tcp: 127.0.0.1:70000 }', '.tcp: must be HOST:PORT'],
    ['{ command: " " }', '.command: is empty: write a command'],
    ['{ systemd_unit: --now }', '.systemd_unit: "--now" is not a unit, such as api.service'],
    ['{ tcp: 127.0.0.1:1, timeout: 0s }', '.timeout: must be more than 0'],
    ['{ tcp: 127.0.0.1:1, retries: -1 }', '.retries: must be a whole number from 0 to 1000'],
    ['{ tcp: "127.0.0.1:{port}" }', '.tcp: {port} is the port of the preview: add preview: true, or write the port'],
    [
      '{ http: "http://127.0.0.1:{port}/" }',
      '.http: {port} is the port of the preview: add preview: true, or write the port',
    ],
  ])('is refused for %s', async (check, told) => {
    expect(await headsOf(withHealth(check))).toEqual([expect.stringContaining(`apps.blog.health${told}`)])
  })

  it.each(['"http://127.0.0.1:3000/"', '"http://127.0.0.1:3000/{port}"', '"http://127.0.0.1/x:{port}"'])(
    'of a preview is refused for %s, which asks what is live',
    async (url) => {
      expect(await headsOf(withApp('preview: make serve', `health: [{ http: ${url}, preview: true }]`))).toEqual([
        "8:22 apps.blog.health[0].http: asks another port than the preview's: write {port} for it, as in http://127.0.0.1:{port}/health",
      ])
    },
  )

  it('of a preview is refused for another port, and for a unit', async () => {
    expect(await headsOf(withApp('preview: make serve', 'health: { tcp: 127.0.0.1:80, preview: true }'))).toEqual([
      "8:20 apps.blog.health.tcp: asks another port than the preview's: write {port} for it, as in 127.0.0.1:{port}",
    ])
    expect(await headsOf(withApp('preview: make serve', 'health: { systemd_unit: api, preview: true }'))).toEqual([
      '8:43 apps.blog.health.preview: a preview is no unit of systemd: take it out here, or ask by http, tcp or command',
    ])
  })

  it('of a preview may ask by address or by a command, which finds the port in PORT', async () => {
    for (const check of [
      '{ http: "http://127.0.0.1:{port}/health", preview: true }',
      '{ http: "https://localhost:{port}", preview: true }',
      '{ tcp: "[::1]:{port}", preview: true }',
      '{ command: make smoke, preview: true }',
    ])
      expect(await headsOf(withApp('preview: make serve', `health: ${check}`))).toEqual([])
  })
})

describe('a preview', () => {
  const asking = 'health: { command: make smoke, preview: true }'
  const none = 'add preview: and the command that starts the app on the port in PORT'

  it('is there when a check asks it', async () => {
    expect(await headsOf(withApp(asking))).toEqual([
      `7:45 apps.blog.health.preview: there is no preview to ask: ${none}`,
    ])
    expect(await headsOf(`${withApp()}defaults: { ${asking} }\n`)).toEqual([
      `4:3 apps.blog: has no preview, which a health check of defaults asks: ${none}`,
    ])
    expect(await headsOf(`${withApp(asking)}defaults: { preview: make serve }\n`)).toEqual([])
  })

  it('is asked by a check, if it is the app’s own', async () => {
    const told =
      'is asked by no health check: add one, such as health: { http: "http://127.0.0.1:{port}/", preview: true }'
    expect(await headsOf(withApp('preview: make serve'))).toEqual([`7:5 apps.blog.preview: ${told}`])
    expect(await headsOf(withApp('preview: make serve', 'health: { tcp: 127.0.0.1:80 }'))).toEqual([
      `7:5 apps.blog.preview: ${told}`,
    ])
    expect(await headsOf(`${withApp()}defaults: { preview: make serve }\n`)).toEqual([])
  })

  it('is not missed when it is there but wrong', async () => {
    expect(await headsOf(withApp('preview: 7', asking))).toEqual([
      '7:14 apps.blog.preview: must be a string: quote it ("7")',
    ])
  })
})

describe('a bake time', () => {
  it('has something to watch', async () => {
    const told = 'watches nothing: add a health check that is not of the preview, or take bake out'
    expect(await headsOf(withApp('bake: 30s'))).toEqual([`7:11 apps.blog.bake: ${told}`])
    const preview = ['preview: make serve', 'health: { command: make smoke, preview: true }']
    expect(await headsOf(withApp('bake: 30s', ...preview))).toEqual([`7:11 apps.blog.bake: ${told}`])
    expect(await headsOf(withApp('bake: 0s'))).toEqual([])
    expect(await headsOf(`${withApp()}defaults: { bake: 30s }\n`)).toEqual([])
    expect((await mapOf(withApp('bake: 30s', 'health: { tcp: 127.0.0.1:80 }'))).apps.get('blog')?.bakeMs).toBe(30_000)
  })

  it('ends before the deployment’s own limit', async () => {
    const health = 'health: { tcp: 127.0.0.1:80 }'
    const told = (timeout: string): string =>
      `7:11 apps.blog.bake: is as long as the whole deployment may take (timeout: ${timeout}): make it shorter, or timeout longer`
    expect(await headsOf(withApp('bake: 30m', health))).toEqual([told('30m')])
    expect(await headsOf(withApp('bake: 5m', 'timeout: 4m', health))).toEqual([told('4m')])
    expect(await headsOf(withApp('bake: 30m', 'timeout: 1h', health))).toEqual([])
  })
})
