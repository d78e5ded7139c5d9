import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { githubPush } from '../../demo/github.ts'
import { Secret } from '../../src/lib/secret.ts'
import { providers } from '../../src/providers/index.ts'
import { StoreError } from '../../src/store/index.ts'
import { openDoor, secret, type Door } from './door.ts'

const refusedBody = '{"result":"refused"}'
const push = { repository: 'acme/blog', ref: 'refs/heads/main', before: 'b'.repeat(40), after: 'a'.repeat(40) }

function post(door: Door, headers: Readonly<Record<string, string>>, body: Buffer | string) {
  return door.api('/hooks/github', { method: 'POST', token: null, headers, body })
}

describe('a verified delivery', () => {
  it('is answered 202 with what it queued, and is in the store by then', async () => {
    const door = await openDoor()
    const answer = await door.push({ id: 'one' })
    expect(answer.status).toBe(202)
    const [deployment] = await door.store.deployments({ limit: 5 })
    expect(answer.body).toEqual({
      delivery: deployment?.delivery,
      result: 'accepted',
      deployments: [{ id: deployment?.id, app: 'blog' }],
      ignored: [],
    })
    expect(deployment).toMatchObject({ app: 'blog', state: 'queued', requestedRevision: 'a'.repeat(40) })
  })

  it('that came before is a duplicate, 200, and names the first', async () => {
    const door = await openDoor()
    const first = await door.push({ id: 'same' })
    const second = await door.push({ id: 'same' })
    expect(second.status).toBe(200)
    expect(second.body).toMatchObject({
      result: 'duplicate',
      ignored: [],
      duplicateOf: (first.body as { delivery: number }).delivery,
    })
    expect((second.body as { delivery: number }).delivery).toBeGreaterThan(
      (first.body as { delivery: number }).delivery,
    )
  })

  it('that came 50 times at once makes exactly one deployment', async () => {
    const door = await openDoor()
    const answers = await Promise.all(Array.from({ length: 50 }, () => door.push({ id: 'same' })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array.from({ length: 49 }, () => 200), 202])
    expect(await door.store.deployments({ limit: 5 })).toHaveLength(1)
  })

  it('that nobody wants is 200 with the furthest that any app got', async () => {
    const door = await openDoor()
    const { headers, body } = githubPush({ ...push, ref: 'refs/heads/other' }, secret)
    const answer = await post(door, headers, body)
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      delivery: expect.any(Number) as number,
      result: 'ignored',
      reason: 'branch',
      ignored: [{ app: 'blog', reason: 'branch' }],
    })
  })

  it('that makes no sense is 400 and names the field', async () => {
    const door = await openDoor()
    const { headers, body } = providers.github.sign(
      { event: 'push', id: randomUUID(), body: Buffer.from('{"ref": 7}'), at: new Date() },
      { secret: new Secret(secret), options: {} },
    )
    const answer = await post(door, headers, body)
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({ error: { code: 'malformed' } })
    expect((await door.store.deliveries({ limit: 1 }))[0]?.result).toBe('malformed')
  })

  it.each([
    ['none at all', undefined],
    ['text', 'text/plain'],
    ['one with a tab', 'application/json\t;x'],
    ['one with a leading space', ' application/json'],
    ['one with garbage behind', 'application/json garbage'],
    ['one that is no type', 'hello'],
    ['an empty one', ''],
  ])('is judged by its bytes whatever its content type: %s', async (_, type) => {
    const door = await openDoor()
    const { headers, body } = githubPush(push, secret)
    const others = Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-type'))
    expect(
      (await post(door, { ...others, ...(type === undefined ? {} : { 'content-type': type }) }, body)).status,
    ).toBe(202)
    expect(
      (
        await post(
          door,
          { ...others, 'x-hub-signature-256': 'sha256=', ...(type === undefined ? {} : { 'content-type': type }) },
          body,
        )
      ).status,
    ).toBe(401)
  })

  it('is taken as a form where its provider sends forms', async () => {
    const door = await openDoor()
    const { body: json } = githubPush(push, secret)
    const body = Buffer.from(`payload=${encodeURIComponent(json.toString())}`)
    const { headers } = providers.github.sign(
      { event: 'push', id: randomUUID(), body, at: new Date() },
      { secret: new Secret(secret), options: {} },
    )
    const answer = await post(door, { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, body)
    expect(answer.status).toBe(202)
  })

  it('is answered 503 with Retry-After when it cannot be kept', async () => {
    const door = await openDoor({
      ingest: {
        receive: () => Promise.reject(new StoreError('unavailable', 'state.db in /secret/place is locked')),
        replay: () => Promise.reject(new Error('nobody replays here')),
        request: () => Promise.reject(new Error('not now')),
      },
    })
    const answer = await door.push()
    expect(answer.status).toBe(503)
    expect(answer.headers['retry-after']).toMatch(/^\d+$/)
    expect(answer.text).not.toContain('secret/place')
    expect(door.logged).toContainEqual(expect.objectContaining({ level: 'error', message: 'request failed' }))
    const { text } = await door.api('/metrics')
    expect(text).toContain('deployhook_deliveries_unkept_total{webhook="github"} 1')
    expect(text).not.toContain('deployhook_deliveries_total{')
  })

  it('is answered 500 in our own words when something is broken here', async () => {
    const door = await openDoor({
      ingest: {
        receive: () => Promise.reject(new Error('SQLITE_BUSY at /secret/place')),
        replay: () => Promise.reject(new Error('nobody replays here')),
        request: () => Promise.reject(new Error('not now')),
      },
    })
    const answer = await door.push()
    expect(answer.status).toBe(500)
    expect(answer.body).toEqual({ error: { code: 'internal', message: expect.any(String) as string } })
    expect(answer.text).not.toMatch(/SQLITE|place|\.ts/)
  })

  it('reaches the stage after-answer once its answer is out, and a refused one does not', async () => {
    const stages: string[] = []
    const door = await openDoor({ failPoint: (stage) => stages.push(stage) })
    await door.push({ key: 'another-secret-0123456789' })
    expect(stages).toEqual([])
    await door.push()
    expect(stages).toEqual(['after-answer'])
  })
})

describe('a request that is not believed', () => {
  const { headers, body } = githubPush({ ...push, deliveryId: 'theirs' }, secret)
  const signature = headers['x-hub-signature-256'] ?? ''
  const without = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'x-hub-signature-256'))

  it.each([
    ['without a signature', without],
    ['with an empty signature header', { ...without, 'x-hub-signature-256': '' }],
    ['with an empty digest', { ...without, 'x-hub-signature-256': 'sha256=' }],
    ['with a digest that is no hex', { ...without, 'x-hub-signature-256': `sha256=${'z'.repeat(64)}` }],
    ['with 63 digits', { ...without, 'x-hub-signature-256': signature.slice(0, -1) }],
    ['with 65 digits', { ...without, 'x-hub-signature-256': `${signature}0` }],
    [
      'with a flipped digit',
      { ...without, 'x-hub-signature-256': signature.replace(/.$/, (last) => (last === '0' ? '1' : '0')) },
    ],
    ['with the signature twice', { ...without, 'x-hub-signature-256': `${signature}, ${signature}` }],
    ['with sha1 alone', { ...without, 'x-hub-signature': `sha1=${'0'.repeat(40)}` }],
    ['with the algorithm none', { ...without, 'x-hub-signature-256': `none=${'0'.repeat(64)}` }],
    ["with another host's token", { ...without, 'x-gitlab-token': secret }],
  ])('is 401 with a body that tells nothing, and nothing of it is stored: %s', async (_, sent) => {
    const door = await openDoor()
    const answer = await post(door, sent, body)
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 401, text: refusedBody })
    expect(await door.store.deliveries({ limit: 5 })).toEqual([])
  })

  it.each([
    ['a bit flipped in the body', Buffer.concat([body.subarray(0, -2), Buffer.from(' }')])],
    ['the same JSON with other spaces', Buffer.from(JSON.stringify(JSON.parse(body.toString()), null, 2))],
    ['no body', Buffer.alloc(0)],
  ])('is 401: %s under the old signature', async (_, other) => {
    const door = await openDoor()
    const answer = await post(door, headers, other)
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 401, text: refusedBody })
  })

  it('is 429 when its address had many of them, while a verified sender there is served', async () => {
    const door = await openDoor({ limits: { refusalBurst: 3, refusalMs: 3_600_000 } })
    const statuses: number[] = []
    for (let sent = 0; sent < 6; sent++) statuses.push((await door.push({ key: 'another-secret-0123456789' })).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429, 429])
    expect((await door.push()).status).toBe(202)
  })

  it('leaves at most ten log lines a minute, is counted in full, and never shows what it sent', async () => {
    const door = await openDoor()
    for (let sent = 0; sent < 25; sent++) {
      await post(
        door,
        {
          ...without,
          'x-hub-signature-256': signature.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
          authorization: 'Basic aHVzaA==',
          cookie: 'sid=hush',
          'x-github-encoded-secret': 'hush',
        },
        body,
      )
    }
    expect(door.logged.filter(({ message }) => message === 'delivery refused')).toHaveLength(10)
    expect((await door.api('/metrics')).text).toContain(
      'deployhook_refused_total{webhook="github",reason="bad_signature"} 25',
    )
    const everything = JSON.stringify(door.logged)
    expect(everything).not.toMatch(/hush|aHVzaA|sha256=/)
  })

  it.each([
    ['of the socket, whatever it claims', [], '127.0.0.1'],
    ['that a trusted proxy saw last, not the ones the sender made up', ['127.0.0.0/8'], '203.0.113.9'],
    ['of the socket when another proxy is the trusted one', ['10.0.0.0/8'], '127.0.0.1'],
  ])('comes from the address %s', async (_, trustProxy, expected) => {
    const door = await openDoor({ server: { trustProxy } })
    await post(door, { ...without, 'x-forwarded-for': '198.51.100.1, 203.0.113.9' }, body)
    expect(door.logged.find(({ message }) => message === 'delivery refused')?.fields).toMatchObject({
      remoteAddress: expected,
    })
  })
})

describe('a request that is for no webhook', () => {
  const nothing = '{"error":{"code":"not_found","message":"There is nothing here."}}'

  it.each([
    '/hooks/other',
    '/hooks/',
    '/hooks',
    '/hooks/github/',
    '/hooks/github/x',
    '//hooks/github',
    '/hooks//github',
    '/hooks/%2e%2e/github',
    '/hooks/..%2fgithub',
    '/hooks/github%00',
    '/hooks/%zz',
    '/%zz',
    '/hooks/gith%C3%BCb',
    '/HOOKS/github',
    '/hooks/constructor',
    '/hooks/__proto__',
  ])('is 404 in one constant shape, signed or not, and is not in the log: %s', async (path) => {
    const door = await openDoor()
    const answer = await door.push({ path })
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 404, text: nothing })
    expect(await door.store.deliveries({ limit: 1 })).toEqual([])
    expect(door.logged.filter(({ level }) => level !== 'debug')).toEqual([])
  })

  it('is 404 too when its name is 4 KB long', async () => {
    const door = await openDoor()
    const answer = await door.push({ path: `/hooks/${'x'.repeat(4096)}` })
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 404, text: nothing })
    expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
  })

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'] as const)(
    'is 405 with Allow when it is a %s',
    async (method) => {
      const door = await openDoor()
      for (const path of ['/hooks/github', '/hooks/github?x=1']) {
        const answer = await door.api(path, { method, token: null })
        expect(answer.status).toBe(405)
        expect(answer.headers['allow']).toBe('POST')
      }
      expect((await door.api('/hooks/other', { method, token: null })).status).toBe(404)
    },
  )

  it.each(['gzip', 'br', 'GZIP', 'identity, gzip', 'zstd', 'x'])(
    'is 415 when it is encoded as %s',
    async (encoding) => {
      const door = await openDoor()
      const { headers, body } = githubPush(push, secret)
      expect((await post(door, { ...headers, 'content-encoding': encoding }, body)).status).toBe(415)
      expect((await post(door, { ...headers, 'content-encoding': 'identity' }, body)).status).toBe(202)
    },
  )
})
