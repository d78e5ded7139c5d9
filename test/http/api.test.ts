import { describe, expect, it } from 'vitest'
import type { App } from '../../src/model/deploy-map.ts'
import type { Deployment } from '../../src/model/deployment.ts'
import type { Store } from '../../src/store/store.ts'
import { revision } from '../support/map.ts'
import { openDoor, tokens, type Door } from './door.ts'

async function enqueue(store: Store, app = 'blog', trigger: Deployment['trigger'] = 'manual'): Promise<Deployment> {
  return store.enqueue({ app, trigger, ref: 'refs/heads/main', requestedRevision: null, adopt: false, at: new Date() })
}

async function start(store: Store): Promise<number> {
  const claim = await store.claim({
    resolve: (app) => ({
      concurrencyGroup: `group of ${app}`,
      realPath: `/srv/${app}`,
      fingerprint: 'f',
      approve: false,
      windows: [],
    }),
    maxRunning: 9,
    at: new Date(),
  })
  if (claim === null) throw new Error('nothing to claim')
  return claim.deployment.id
}

async function succeed(store: Store, app = 'blog'): Promise<number> {
  await enqueue(store, app)
  const id = await start(store)
  const owner = { id, attempt: 1 }
  await store.setRevision(owner, revision('c'))
  await store.startStep(owner, { number: 1, phase: 'build', name: 'npm ci', at: new Date() })
  await store.finishStep(owner, { number: 1, exitCode: 0, signal: null, at: new Date() })
  await store.finish(owner, { outcome: 'succeeded', reason: null, message: null }, new Date())
  return id
}

const invalid = (about: string): object => ({
  error: { code: 'invalid_request', message: expect.stringContaining(about) as string },
})

describe('GET /api/deployments', () => {
  it('lists those that stand so or ended so', async () => {
    const door = await openDoor()
    const ended = await succeed(door.store)
    const queued = await enqueue(door.store)
    const ids = async (state: string): Promise<readonly number[]> => {
      const { body } = await door.api(`/api/deployments?state=${state}`)
      return (body as { deployments: { id: number }[] }).deployments.map(({ id }) => id)
    }
    expect([await ids('succeeded'), await ids('done'), await ids('queued'), await ids('failed')]).toEqual([
      [ended],
      [ended],
      [queued.id],
      [],
    ])
  })

  it('shows a deployment with exactly these keys, times in ISO 8601 UTC', async () => {
    const door = await openDoor()
    const id = await succeed(door.store)
    const { status, body } = await door.api(`/api/deployments/${id}`, { token: tokens.read })
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string
    expect(status).toBe(200)
    expect(body).toEqual({
      id,
      app: 'blog',
      requestedRevision: null,
      revision: 'c'.repeat(40),
      ref: 'refs/heads/main',
      trigger: 'manual',
      state: 'done',
      waitingFor: null,
      outcome: 'succeeded',
      reason: null,
      message: null,
      supersededBy: null,
      delivery: null,
      attempts: 1,
      queuedAt: time,
      startedAt: time,
      finishedAt: time,
      reports: [],
      release: null,
      adopt: false,
      exact: false,
      forced: false,
      approvedAt: null,
      approvedBy: null,
      askedBy: null,
      note: null,
      steps: [
        { name: 'npm ci', phase: 'build', attempt: 1, exitCode: 0, signal: null, startedAt: time, finishedAt: time },
      ],
    })
  })

  it('lists the newest first, page by page, without a gap or a repeat', async () => {
    const door = await openDoor()
    const made: number[] = []
    for (let number = 0; number < 7; number++) made.unshift(await succeed(door.store))
    const seen: number[] = []
    let next: number | null = null
    do {
      const answer = await door.api(`/api/deployments?limit=3${next === null ? '' : `&before=${String(next)}`}`)
      const page = answer.body as { deployments: Deployment[]; next: number | null }
      expect(page.deployments.length).toBeLessThanOrEqual(3)
      seen.push(...page.deployments.map(({ id }) => id))
      next = page.next
    } while (next !== null)
    expect(seen).toEqual(made)
  })

  it('has no next page when the last one is exactly full', async () => {
    const door = await openDoor()
    for (let number = 0; number < 3; number++) await succeed(door.store)
    expect((await door.api('/api/deployments?limit=3')).body).toMatchObject({ next: null })
    expect((await door.api('/api/deployments?limit=2')).body).toMatchObject({ next: 2 })
  })

  it('filters by app and state', async () => {
    const door = await openDoor()
    const done = await succeed(door.store, 'blog')
    const queued = await enqueue(door.store, 'shop')
    const ids = async (query: string): Promise<number[]> =>
      ((await door.api(`/api/deployments?${query}`)).body as { deployments: Deployment[] }).deployments.map(
        ({ id }) => id,
      )
    expect(await ids('app=blog')).toEqual([done])
    expect(await ids('state=queued')).toEqual([queued.id])
    expect(await ids('app=blog&state=queued')).toEqual([])
    expect(await ids('app=gone')).toEqual([])
  })

  it('asks the store for at most 500 and one more, however many are wanted', async () => {
    const asked: number[] = []
    const door = await openDoor({
      wrapStore: (store) => ({
        ...store,
        deployments: (page) => {
          asked.push(page.limit)
          return store.deployments(page)
        },
      }),
    })
    for (const limit of ['', '?limit=500', '?limit=1000000000']) await door.api(`/api/deployments${limit}`)
    expect(asked).toEqual([51, 501, 501])
  })

  it('says what a queued one waits for, asking for the queue once for a whole page', async () => {
    let asked = 0
    const door = await openDoor({
      server: { maxRunning: 1 },
      wrapStore: (store) => ({
        ...store,
        queue: () => {
          asked += 1
          return store.queue()
        },
      }),
    })
    await enqueue(door.store, 'blog')
    const running = await start(door.store)
    const behind = await enqueue(door.store, 'blog')
    const other = await enqueue(door.store, 'shop')
    const { body } = await door.api('/api/deployments')
    const waiting = (body as { deployments: { id: number; waitingFor: string | null }[] }).deployments.map(
      ({ id, waitingFor }) => [id, waitingFor],
    )
    expect(waiting).toEqual([
      [other.id, 'slot'],
      [behind.id, 'turn'],
      [running, null],
    ])
    expect(asked).toBe(1)
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1e9', 'limit'],
    ['limit=5x', 'limit'],
    ['limit=', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['before=0', 'before'],
    ['before=1;drop', 'before'],
    ['before=99999999999999999999', 'before'],
    ['state=open', 'state'],
    ['state=', 'state'],
    ['app=../x', 'app'],
    ['app=%27%20or%201', 'app'],
    ['apps=blog', 'parameter'],
    ['__proto__=x', 'parameter'],
  ])('refuses ?%s and names the part that is wrong', async (query, about) => {
    const door = await openDoor()
    const answer = await door.api(`/api/deployments?${query}`)
    expect(answer.status).toBe(400)
    expect(answer.body).toEqual(invalid(about))
    expect(answer.text).not.toMatch(/drop|open|or 1/)
  })

  it.each(['1;drop', '-1', '1e9', '0', '01', '1.0', 'x', '99999999999999999999', '%31%00', "1'--"])(
    'refuses the id %s as an id, on every route that takes one',
    async (id) => {
      const door = await openDoor()
      for (const path of [`/api/deployments/${id}`, `/api/deployments/${id}/log`, `/api/deliveries/${id}`]) {
        const answer = await door.api(path)
        expect(answer.status, path).toBe(400)
        expect(answer.body).toEqual(invalid('id: must be a positive whole number'))
      }
      for (const verb of ['cancel', 'retry']) {
        expect((await door.api(`/api/deployments/${id}/${verb}`, { method: 'POST' })).status).toBe(400)
      }
    },
  )

  it.each(['1000000000', '9007199254740991'])('knows no deployment or delivery %s', async (id) => {
    const door = await openDoor()
    for (const path of [
      `/api/deployments/${id}`,
      `/api/deployments/${id}/log`,
      `/api/deployments/${id}/log?follow`,
      `/api/deliveries/${id}`,
    ]) {
      expect((await door.api(path)).status, path).toBe(404)
    }
  })
})

describe('POST /api/apps/<app>/deploy', () => {
  const deploy = (door: Door, body?: string, app = 'blog') =>
    door.api(`/api/apps/${app}/deploy`, { method: 'POST', ...(body === undefined ? {} : { body }) })

  it('queues the tip as a person asked for it', async () => {
    const door = await openDoor()
    const { status, body } = await deploy(door)
    expect(status).toBe(202)
    expect(body).toMatchObject({
      deployment: {
        app: 'blog',
        trigger: 'manual',
        state: 'queued',
        waitingFor: null,
        requestedRevision: null,
        ref: 'refs/heads/main',
        adopt: false,
      },
    })
  })

  it('takes over a directory when told to', async () => {
    const { body } = await deploy(await openDoor(), '{"adopt": true}')
    expect(body).toMatchObject({ deployment: { adopt: true } })
  })

  it('knows no app that is not in deploy.yml', async () => {
    const door = await openDoor()
    for (const app of ['other', '__proto__', 'constructor', '%2e%2e'])
      expect((await deploy(door, undefined, app)).status).toBe(404)
  })

  it.each([
    '{"adopt": 1}',
    '{"adopt": "true"}',
    '{"adobt": true}',
    '[]',
    'null',
    '"x"',
    '{',
    '{"__proto__": {"adopt": true}}',
  ])('refuses the body %s and queues nothing', async (body) => {
    const door = await openDoor()
    const answer = await deploy(door, body)
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request' } })
    expect(await door.store.queue()).toEqual([])
  })

  it('refuses a body that is larger than any it could want, or encoded', async () => {
    const door = await openDoor()
    expect((await deploy(door, `{"x": "${'x'.repeat(70_000)}"}`)).status).toBe(413)
    expect(
      (await door.api('/api/apps/blog/deploy', { method: 'POST', body: '{}', headers: { 'content-encoding': 'gzip' } }))
        .status,
    ).toBe(415)
  })
})

describe('POST /api/deployments/<id>/cancel', () => {
  const cancel = (door: Door, id: number) => door.api(`/api/deployments/${id}/cancel`, { method: 'POST' })

  it('shows the deployment as it is then', async () => {
    const door = await openDoor()
    const { id } = await enqueue(door.store)
    const answer = await cancel(door, id)
    expect(answer.status).toBe(202)
    expect(answer.body).toMatchObject({ deployment: { id, state: 'done', outcome: 'cancelled' } })
  })

  it('is 409 for one that is done, 404 for none', async () => {
    const door = await openDoor()
    const id = await succeed(door.store)
    const answer = await cancel(door, id)
    expect(answer.status).toBe(409)
    expect(answer.body).toMatchObject({ error: { code: 'already_done' } })
    expect((await cancel(door, id + 1)).status).toBe(404)
  })
})

describe('POST /api/deployments/<id>/retry', () => {
  const retry = (door: Door, id: number) => door.api(`/api/deployments/${id}/retry`, { method: 'POST' })

  it('queues a new one of the same app at the tip, and still takes over a directory if the old one was to', async () => {
    const door = await openDoor()
    const { id } = await door.store.enqueue({
      app: 'blog',
      trigger: 'manual',
      ref: 'refs/heads/main',
      requestedRevision: revision('d'),
      adopt: true,
      at: new Date(),
    })
    await door.store.cancel(id, new Date())
    const answer = await retry(door, id)
    expect(answer.status).toBe(202)
    expect(answer.body).toMatchObject({
      deployment: { app: 'blog', trigger: 'retry', requestedRevision: null, state: 'queued', adopt: true },
    })
  })

  it('is 409 while the old one is not done, or when its app is gone; 404 for none', async () => {
    const door = await openDoor()
    const { id } = await enqueue(door.store)
    expect((await retry(door, id)).body).toMatchObject({ error: { code: 'not_done' } })
    await door.store.cancel(id, new Date())
    door.setMap((map) => ({ ...map, apps: new Map() }))
    const answer = await retry(door, id)
    expect(answer.status).toBe(409)
    expect(answer.body).toMatchObject({ error: { code: 'app_removed' } })
    expect((await retry(door, id + 1)).status).toBe(404)
    expect(await door.store.queue()).toEqual([])
  })
})

describe('GET /api/deliveries', () => {
  it('lists what was kept, and beside it what was not believed, newest first', async () => {
    const door = await openDoor()
    await door.push({ id: 'good' })
    await door.push({ id: 'bad-1', key: 'another-secret-0123456789' })
    await door.push({ id: 'bad-2', key: 'another-secret-0123456789' })
    const { body } = await door.api('/api/deliveries?webhook=github')
    expect(body).toMatchObject({
      deliveries: [
        {
          providerId: 'good',
          webhook: 'github',
          provider: 'github',
          event: 'push',
          result: 'accepted',
          reason: null,
          remoteAddress: '127.0.0.1',
          repository: 'acme/blog',
          ref: 'refs/heads/main',
          deployments: [{ app: 'blog' }],
          ignored: [],
        },
      ],
      next: null,
      refused: [{ providerId: 'bad-2', reason: 'bad_signature', remoteAddress: '127.0.0.1' }, { providerId: 'bad-1' }],
    })
    const { deliveries } = body as { deliveries: { id: number }[] }
    expect((await door.api(`/api/deliveries/${deliveries[0]?.id ?? 0}`)).body).toEqual(deliveries[0])
  })

  it("finds one by the git host's own id", async () => {
    const door = await openDoor()
    await door.push({ id: 'good' })
    await door.push({ id: 'bad', key: 'another-secret-0123456789' })
    expect((await door.api('/api/deliveries?providerId=good')).body).toMatchObject({
      deliveries: [{ providerId: 'good' }],
      refused: [],
    })
    expect((await door.api('/api/deliveries?providerId=bad')).body).toMatchObject({
      deliveries: [],
      refused: [{ providerId: 'bad' }],
    })
    expect((await door.api('/api/deliveries?webhook=other')).body).toEqual({ deliveries: [], next: null, refused: [] })
  })

  it.each(['webhook=..', 'providerId=', 'providerId=a%20b', 'id=1', 'limit=x'])('refuses ?%s', async (query) => {
    expect((await (await openDoor()).api(`/api/deliveries?${query}`)).status).toBe(400)
  })
})

const failing = { times: 2, since: new Date(0), reason: 'auth', message: 'It failed. Add a deploy key.' }

it.each([
  ['opps', ['ops', 'pager'], 'no reporter of deploy.yml is called "opps": did you mean "ops"?'],
  ['nosuch', ['ops', 'pager'], 'no reporter of deploy.yml is called "nosuch" (there is ops, pager)'],
  ['nosuch', [], 'no reporter of deploy.yml is called "nosuch", which has none at all'],
])('a reporter %j that is not there is told with those that are', async (name, names, message) => {
  const door = await openDoor({ sender: { tryOut: () => Promise.resolve(null) } })
  door.setMap((map) => ({ ...map, reporters: new Map(names.map((known) => [known, reporterCalled(known)])) }))
  expect((await door.api(`/api/reporters/${name}/test`, { method: 'POST', body: '{}' })).body).toEqual({
    error: { code: 'reporter_not_found', message },
  })
})

function reporterCalled(name: string) {
  return { name, kind: 'command' as const, options: {}, secrets: [] }
}

describe('GET /api/status and /api/apps', () => {
  it('tells which apps a full disk stops, when it is not the one that all need', async () => {
    const fullFor = (apps: Iterable<App> | undefined) =>
      apps === undefined || [...apps].some(({ name }) => name === 'shop')
    const door = await openDoor({ diskProblems: (apps) => Promise.resolve(fullFor(apps) ? ['full'] : []) })
    expect((await door.api('/api/status')).body).toMatchObject({ disk: { problems: ['full'], stops: ['shop'] } })
  })

  it('tells how the daemon is', async () => {
    const loadedAt = new Date('2026-01-02T03:04:05Z')
    const door = await openDoor({
      config: () => ({ file: '/etc/deploy.yml', loadedAt, problems: ['deploy.yml:1:1 x'] }),
      draining: () => true,
      health: () => ({ reasons: ['stuck'], warnings: ['clock_jumped'] }),
      diskProblems: () => Promise.resolve(['full']),
      catchUp: () => ({ everyMs: 300_000, answeredAt: null, failing, isFailing: true }),
    })
    await door.push({ id: 'good' })
    await door.push({ id: 'bad', key: 'another-secret-0123456789' })
    expect((await door.api('/api/status')).body).toEqual({
      version: '1.2.3',
      startedAt: '1970-01-01T00:00:00.000Z',
      listen: door.address,
      config: { file: '/etc/deploy.yml', loadedAt: loadedAt.toISOString(), problems: ['deploy.yml:1:1 x'] },
      health: { reasons: ['stuck'], warnings: ['clock_jumped'] },
      disk: { problems: ['full'], stops: 'all' },
      catchUp: { failing: ['blog', 'shop'] },
      webhooks: [
        {
          name: 'github',
          provider: 'github',
          path: '/hooks/github',
          url: null,
          secrets: [{ number: 1, lastUsedAt: expect.any(String) as string }],
          lastDelivery: { id: 1, at: expect.any(String) as string, result: 'accepted', reason: null },
          refused: {
            count: 1,
            last: expect.objectContaining({ providerId: 'bad', reason: 'bad_signature' }) as object,
          },
        },
      ],
      held: [],
      frozen: [],
      reporters: [],
      running: 0,
      queued: 1,
      maxRunning: 2,
      draining: true,
    })
  })

  it('tells what is live where', async () => {
    const door = await openDoor()
    const live = await succeed(door.store)
    await enqueue(door.store)
    const running = await start(door.store)
    const queued = await enqueue(door.store)
    expect((await door.api('/api/apps')).body).toEqual({
      apps: [
        {
          name: 'blog',
          repo: 'https://github.com/acme/blog.git',
          branch: 'main',
          branches: [],
          tags: [],
          path: '/srv/blog',
          live: { revision: 'c'.repeat(40), deployment: live, at: expect.any(String) as string },
          strategy: 'in-place',
          release: null,
          held: null,
          frozen: null,
          running,
          queued: [queued.id],
          last: expect.objectContaining({ id: queued.id, waitingFor: 'turn' }) as object,
          catchUp: { every: '5m', answeredAt: null, failing: null },
        },
        {
          name: 'shop',
          repo: 'https://github.com/acme/shop.git',
          branch: 'main',
          branches: [],
          tags: [],
          path: '/srv/shop',
          live: null,
          strategy: 'in-place',
          release: null,
          held: null,
          frozen: null,
          running: null,
          queued: [],
          last: null,
          catchUp: { every: '5m', answeredAt: null, failing: null },
        },
      ],
    })
  })

  it('tells how catch-up stands for each app: off, or what keeps the repository from answering', async () => {
    const answeredAt = new Date('2026-11-24T11:00:00Z')
    const door = await openDoor({
      catchUp: ({ name }) =>
        name === 'blog'
          ? { everyMs: 90_000, answeredAt, failing, isFailing: true }
          : { everyMs: 0, answeredAt: null, failing: null, isFailing: false },
    })
    const { apps } = (await door.api('/api/apps')).body as { apps: { catchUp: object }[] }
    expect(apps.map(({ catchUp }) => catchUp)).toEqual([
      {
        every: '1m30s',
        answeredAt: answeredAt.toISOString(),
        failing: { ...failing, since: failing.since.toISOString() },
      },
      { every: null, answeredAt: null, failing: null },
    ])
    expect((await door.api('/readyz', { token: null })).body).toMatchObject({ warnings: ['catch_up_failing'] })
    expect((await door.api('/metrics')).text).toContain('deployhook_catch_up_failures{app="blog"} 2')
    expect((await door.api('/metrics')).text).not.toContain('deployhook_catch_up_failures{app="shop"}')
  })
})

describe('POST /api/reload', () => {
  const reload = (door: Door) => door.api('/api/reload', { method: 'POST' })

  it('passes on the warnings', async () => {
    const door = await openDoor({
      reload: () => Promise.resolve({ kind: 'reloaded', warnings: ['deploy.yml is group-writable'] }),
    })
    const answer = await reload(door)
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({ result: 'reloaded', warnings: ['deploy.yml is group-writable'] })
  })

  it('is 422 with all problems when the file cannot be used', async () => {
    const problems = ['deploy.yml:3:5 apps.blog.path: is missing', 'deploy.yml:9:1 x: unknown']
    const answer = await reload(await openDoor({ reload: () => Promise.resolve({ kind: 'refused', problems }) }))
    expect(answer.status).toBe(422)
    expect(answer.body).toEqual({ error: { code: 'config_refused', message: expect.any(String) as string }, problems })
  })
})

describe('GET /api/explain', () => {
  const explanation = { headline: 'The push was deployed.', facts: ['one'], next: [] }

  it('asks about the subject, or about everything', async () => {
    const asked: (string | null)[] = []
    const door = await openDoor({
      explain: (subject) => {
        asked.push(subject)
        return Promise.resolve(explanation)
      },
    })
    expect((await door.api('/api/explain?subject=app%3Ablog')).body).toEqual(explanation)
    await door.api('/api/explain')
    await door.api('/api/explain?subject=')
    expect(asked).toEqual(['app:blog', null, null])
  })

  it('is 404 for what nobody knows, 400 for what nobody can mean', async () => {
    const door = await openDoor()
    expect((await door.api('/api/explain?subject=nothing')).status).toBe(404)
    expect((await door.api(`/api/explain?subject=${'x'.repeat(300)}`)).status).toBe(400)
    expect((await door.api('/api/explain?about=x')).status).toBe(400)
  })
})

describe('the API when the store cannot be read', () => {
  it('says so in our own words, everywhere', async () => {
    const door = await openDoor({
      wrapStore: (store) => ({
        ...store,
        deployments: () => Promise.reject(new Error('no such column: /var/lib/x')),
        queue: () => Promise.reject(new Error('no such column: /var/lib/x')),
      }),
    })
    for (const path of ['/api/deployments', '/api/status', '/api/apps']) {
      const answer = await door.api(path)
      expect(answer.status).toBe(500)
      expect(answer.body).toEqual({ error: { code: 'internal', message: expect.any(String) as string } })
    }
    expect((await door.api('/metrics')).text).toMatch(/deployhook_deployments_queued Nan/i)
  })
})
