import { describe, expect, it } from 'vitest'
import { githubPush } from '../../demo/github.ts'
import { createApp } from '../support/map.ts'
import { openDoor, secret, tokens, type Answer, type Door } from './door.ts'

function post(door: Door, path: string, body: object = {}): Promise<Answer> {
  return door.control(path, { method: 'POST', body: JSON.stringify(body) })
}

type AppRow = { readonly held: object | null; readonly frozen: object | null }

async function appRow(door: Door, name = 'blog'): Promise<AppRow> {
  const { apps } = (await door.control('/api/apps')).body as { apps: (AppRow & { name: string })[] }
  const found = apps.find((app) => app.name === name)
  if (found === undefined) throw new Error(`no app ${name}`)
  return found
}

async function waitingFor(door: Door, id: number): Promise<unknown> {
  return ((await door.control(`/api/deployments/${id}`)).body as { waitingFor: unknown }).waitingFor
}

async function pushed(door: Door): Promise<number> {
  const { deployments } = (await door.push()).body as { deployments: { id: number }[] }
  return deployments[0]?.id ?? 0
}

describe('holding an app', () => {
  it('keeps a push waiting and is told everywhere, with who and why; unhold ends it and wakes catch-up', async () => {
    let woken = 0
    const door = await openDoor({ wakeCatchUp: () => void (woken += 1) })
    const held = { by: 'alice', reason: 'demo at noon', until: 'unhold' }
    expect(await post(door, '/api/apps/blog/hold', { by: 'alice', reason: ' demo at noon ' })).toMatchObject({
      status: 200,
      body: { held, app: { name: 'blog', held } },
    })
    const id = await pushed(door)
    expect(await waitingFor(door, id)).toBe('hold')
    expect(await appRow(door)).toMatchObject({ held })
    expect((await door.control('/api/status')).body).toMatchObject({ held: [{ app: 'blog', ...held }], frozen: [] })
    expect((await door.control('/metrics')).text).toContain('deployhook_app_held{app="blog"} 1')
    expect((await door.control('/metrics')).text).toContain('deployhook_app_held{app="shop"} 0')
    expect(woken).toBe(0)

    expect(await post(door, '/api/apps/blog/unhold')).toMatchObject({
      status: 200,
      body: { ended: held, app: { held: null, queued: [id] }, quarantined: null },
    })
    expect([await waitingFor(door, id), woken]).toEqual([null, 1])
    expect((await post(door, '/api/apps/blog/unhold')).body).toMatchObject({ ended: null })
  })

  it('until the next push is ended by it', async () => {
    const door = await openDoor()
    await post(door, '/api/apps/blog/hold', { until: 'next_push' })
    expect(await waitingFor(door, await pushed(door))).toBe(null)
    expect(await appRow(door)).toMatchObject({ held: null })
  })

  it.each(['hold', 'unhold', 'freeze', 'unfreeze', 'rollback'])(
    'knows no app but those of deploy.yml: %s',
    async (verb) => {
      const door = await openDoor()
      expect((await post(door, `/api/apps/gone/${verb}`)).status).toBe(404)
      expect(await door.store.gates()).toEqual({ holds: [], freezes: [] })
    },
  )
})

describe('freezing', () => {
  it('one app leaves the others, and a person waits, too, but by force', async () => {
    const door = await openDoor()
    expect(await post(door, '/api/apps/blog/freeze', { reason: 'moving' })).toMatchObject({
      status: 200,
      body: { frozen: { scope: 'blog', until: null, by: null, reason: 'moving' }, app: { name: 'blog' } },
    })
    const deploy = async (app: string, body: object): Promise<unknown> =>
      (await post(door, `/api/apps/${app}/deploy`, body)).body
    expect(await deploy('blog', {})).toMatchObject({ deployment: { waitingFor: 'freeze' } })
    expect(await deploy('shop', {})).toMatchObject({ deployment: { waitingFor: null } })
    expect(await deploy('blog', { force: true })).toMatchObject({ deployment: { waitingFor: null, forced: true } })
    expect(await appRow(door, 'shop')).toMatchObject({ frozen: null })
    expect((await door.control('/metrics')).text).toContain('deployhook_app_frozen{app="blog"} 1')
  })

  it('all apps lasts as long as it says, and ends by its own end only', async () => {
    let woken = 0
    const now = new Date('2026-11-24T12:00:00Z')
    const door = await openDoor({ wakeCatchUp: () => void (woken += 1), clock: { now: () => now } })
    const frozen = { scope: '*', until: '2026-11-24T14:00:00.000Z', by: 'alice' }
    expect((await post(door, '/api/freeze', { until: '2h', by: 'alice' })).body).toMatchObject({ frozen })
    expect(await appRow(door, 'shop')).toMatchObject({ frozen })
    expect((await door.control('/api/status')).body).toMatchObject({ frozen: [frozen] })

    expect((await post(door, '/api/apps/shop/unfreeze')).body).toMatchObject({ ended: null, app: { frozen } })
    expect((await post(door, '/api/unfreeze')).body).toEqual({
      ended: { ...frozen, reason: null, at: now.toISOString() },
    })
    expect(await appRow(door, 'shop')).toMatchObject({ frozen: null })
    expect(woken).toBe(2)
  })

  it.each([
    ['2026-11-24T12:00:01Z', '2026-11-24T12:00:01.000Z'],
    ['2026-11-24T13:30+01:00', '2026-11-24T12:30:00.000Z'],
    ['1d12h', '2026-11-26T00:00:00.000Z'],
  ])('until %s is a time', async (until, means) => {
    const door = await openDoor({ clock: { now: () => new Date('2026-11-24T12:00:00Z') } })
    expect((await post(door, '/api/freeze', { until })).body).toMatchObject({ frozen: { until: means } })
  })

  it.each([
    ['2026-11-24T11:59:59Z', 'until: lies in the past, or is now'],
    ['0s', 'until: lies in the past, or is now'],
    ['2026-11-24T13:00:00', 'until: must be a time such as'],
    ['2026-11-31T25:00:00Z', 'until: must be a time such as'],
    ['tomorrow', 'until: must be a time such as'],
    ['99999999999d', 'until: must be a time such as'],
    ['', 'until: must be a time such as'],
  ])('until %j is refused, and nothing is frozen', async (until, says) => {
    const door = await openDoor({ clock: { now: () => new Date('2026-11-24T12:00:00Z') } })
    const answer = await post(door, '/api/freeze', { until })
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'invalid_request' } } })
    expect(answer.text).toContain(says)
    expect(await door.store.gates()).toEqual({ holds: [], freezes: [] })
  })
})

describe('who asked', () => {
  it('is the token, whatever the body says; over the control socket it is what the body says', async () => {
    const door = await openDoor()
    const body = JSON.stringify({ by: 'root', reason: 'because' })
    await door.api('/api/apps/blog/hold', { method: 'POST', body })
    expect(await appRow(door)).toMatchObject({ held: { by: 'ci', reason: 'because' } })
    await door.api('/api/freeze', { method: 'POST', body })
    expect(await appRow(door)).toMatchObject({ frozen: { by: 'ci' } })
    expect((await door.api('/api/apps/blog/deploy', { method: 'POST', body })).body).toMatchObject({
      deployment: { askedBy: 'ci', note: 'because' },
    })
    await door.control('/api/apps/blog/hold', { method: 'POST', body })
    expect(await appRow(door)).toMatchObject({ held: { by: 'root' } })
  })

  it.each([
    { by: 'a\u001b[31m' },
    { reason: 'two\nlines' },
    { by: 'x'.repeat(101) },
    { reason: 'x'.repeat(501) },
    { by: 1 },
  ])('is one short line: %j is refused', async (body) => {
    const door = await openDoor()
    expect((await post(door, '/api/apps/blog/hold', body)).status).toBe(400)
    expect(await door.store.gates()).toEqual({ holds: [], freezes: [] })
  })

  it('must be allowed to operate', async () => {
    const door = await openDoor()
    for (const path of ['/api/freeze', '/api/apps/blog/hold', '/api/apps/blog/rollback', '/api/deployments/1/approve'])
      expect((await door.api(path, { method: 'POST', token: tokens.read })).status, path).toBe(403)
    expect((await door.api('/api/apps/blog/releases', { token: tokens.read })).status).toBe(200)
  })
})

describe('POST /api/deployments/<id>/approve', () => {
  async function guarded(): Promise<Door> {
    const door = await openDoor()
    door.setMap((map) => ({ ...map, apps: new Map([['blog', createApp('blog', { approve: true })]]) }))
    return door
  }

  it('lets the pushed commit start, and stays with who approved it first', async () => {
    const door = await guarded()
    const id = await pushed(door)
    expect(await waitingFor(door, id)).toBe('approval')
    const approved = { id, waitingFor: null, exact: true, approvedBy: 'alice' }
    for (const by of ['alice', 'bob'])
      expect(await post(door, `/api/deployments/${id}/approve`, { by })).toMatchObject({
        status: 202,
        body: { deployment: approved },
      })
  })

  it('is 409 with the reason where there is nothing to approve, 404 for none', async () => {
    const door = await guarded()
    const approve = async (id: number): Promise<unknown> => {
      const { status, body } = await post(door, `/api/deployments/${id}/approve`)
      return [status, (body as { error: { code: string } }).error.code]
    }
    const superseded = await pushed(door)
    await door.push({ after: 'c'.repeat(40) })
    expect(await approve(superseded)).toEqual([409, 'not_queued'])
    const { deployment } = (await post(door, '/api/apps/blog/deploy')).body as { deployment: { id: number } }
    expect(await approve(deployment.id)).toEqual([409, 'not_needed'])
    expect(await approve(999)).toEqual([404, 'deployment_not_found'])
  })

  it('is 409 for an app that asks for none', async () => {
    const door = await openDoor()
    const id = await pushed(door)
    expect(await post(door, `/api/deployments/${id}/approve`)).toMatchObject({
      status: 409,
      body: { error: { code: 'not_needed', message: expect.stringContaining('approve: true') as string } },
    })
    expect((await door.store.deployment(id))?.approvedAt).toBe(null)
  })
})

describe('simulating a push', () => {
  it('tells of a hold and a freeze what would keep it back, by whom and why', async () => {
    const door = await openDoor()
    await post(door, '/api/apps/blog/hold', { by: 'alice', reason: 'demo at noon' })
    await post(door, '/api/freeze', { by: 'bob', until: '2h' })
    const { body: payload } = githubPush(
      { repository: 'acme/blog', ref: 'refs/heads/main', before: 'a'.repeat(40), after: 'b'.repeat(40) },
      secret,
    )
    const asked = { webhook: 'github', headers: {}, payload: payload.toString('base64') }
    const plan = {
      gates: ['freeze', 'hold'],
      held: { by: 'alice', reason: 'demo at noon', until: 'unhold' },
      frozen: { by: 'bob', scope: '*' },
      skip: null,
    }
    expect((await post(door, '/api/simulate', asked)).body).toMatchObject({ plans: [{ app: 'blog', ...plan }] })
  })
})
