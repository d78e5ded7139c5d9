import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/model/deployment.ts'
import type { Release } from '../../src/model/release.ts'
import type { Revision } from '../../src/model/revision.ts'
import type { Store } from '../../src/store/store.ts'
import { createApp, revision } from '../support/map.ts'
import { openDoor, type Answer, type Door } from './door.ts'

const ref = 'refs/heads/main'

/** A deployment that succeeded, with the release that it made live; null: in place. */
function live(store: Store, deployed: Revision, release: string | null = null): Promise<void> {
  return deploy(store, { deployed, release, outcome: 'succeeded' })
}

type Deployed = { readonly deployed: Revision; readonly release: string | null; readonly outcome: Outcome }

async function deploy(store: Store, { deployed, release, outcome }: Deployed): Promise<void> {
  const at = new Date()
  await store.enqueue({ app: 'blog', trigger: 'manual', ref, requestedRevision: null, adopt: false, at })
  const target = { concurrencyGroup: 'g', realPath: '/srv/blog', fingerprint: 'f', approve: false, windows: [] }
  const claim = await store.claim({ resolve: () => target, maxRunning: 9, at })
  if (claim === null) throw new Error('nothing to claim')
  await store.setRevision(claim.owner, deployed)
  await store.startStep(claim.owner, { number: 1, phase: 'build', name: 'make', at })
  if (release !== null) await store.setRelease(claim.owner, release)
  await store.finish(claim.owner, { outcome, reason: null, message: null }, at)
}

function aRelease(digit: string, fields: Partial<Release> = {}): Release {
  const made = { name: `20261124-16300${digit}-${digit.repeat(12)}`, revision: revision(digit), ref, deployment: 1 }
  const facts = { fingerprint: 'f', madeAt: new Date(0), isComplete: true, isProven: true, isLive: false }
  return { ...made, ...facts, ...fields }
}

const [one, two, three] = [aRelease('1'), aRelease('2'), aRelease('3', { isLive: true })]

/** blog has these releases, newest first, of which those that are complete were live in their order. */
async function withReleases(releases: readonly Release[] = [three, two, one]): Promise<Door> {
  const door = await openDoor({
    runner: { releases: ({ strategy }) => Promise.resolve(strategy === 'releases' ? releases : []) },
  })
  door.setMap((map) => ({ ...map, apps: new Map([['blog', createApp('blog', { strategy: 'releases' })]]) }))
  for (const { revision, name, isComplete } of releases.toReversed())
    if (isComplete) await live(door.store, revision, name)
  return door
}

function ask(door: Door, verb: 'rollback' | 'deploy', body: object = {}): Promise<Answer> {
  return door.control(`/api/apps/blog/${verb}`, { method: 'POST', body: JSON.stringify(body) })
}

const refused = (status: number, code: string, ...says: readonly string[]): object => ({
  status,
  body: { error: { code, message: expect.stringMatching(new RegExp(says.join('.*'))) as string } },
})

describe('GET /api/apps/<app>/releases', () => {
  it('tells which is live, which a rollback goes back to, and which are quarantined', async () => {
    const door = await withReleases()
    const rows = async (): Promise<object[]> =>
      ((await door.control('/api/apps/blog/releases')).body as { releases: object[] }).releases
    const row = { name: two.name, revision: two.revision, ref, deployment: 1, at: '1970-01-01T00:00:00.000Z' }
    expect(await rows()).toEqual([
      expect.objectContaining({ name: three.name, isLive: true, isPrevious: false, quarantined: false }),
      { ...row, isLive: false, isComplete: true, isPrevious: true, quarantined: false },
      expect.objectContaining({ name: one.name, isPrevious: false }),
    ])
  })

  it('tells which hold what was rolled back', async () => {
    const door = await withReleases()
    await deploy(door.store, { deployed: two.revision, release: null, outcome: 'rolled_back' })
    expect((await door.control('/api/apps/blog/releases')).body).toMatchObject({
      releases: [
        { name: three.name, quarantined: false },
        { name: two.name, quarantined: true, isPrevious: false },
        { name: one.name, quarantined: false, isPrevious: true },
      ],
    })
    expect((await door.control('/api/apps')).body).toMatchObject({ apps: [{ release: three.name }] })
    const unheld = await door.control('/api/apps/blog/unhold', { method: 'POST' })
    expect(unheld.body).toMatchObject({ quarantined: { revision: two.revision } })
  })

  it('of an app that is deployed in place says so, and has none', async () => {
    const door = await openDoor()
    expect((await door.control('/api/apps/blog/releases')).body).toEqual({ strategy: 'in-place', releases: [] })
  })
})

describe('POST /api/apps/<app>/rollback', () => {
  it('goes back to the good release before, and holds the app there', async () => {
    const door = await withReleases()
    const answer = await ask(door, 'rollback', { by: 'alice', reason: 'broken' })
    const version = { release: two.name, requestedRevision: two.revision, ref, exact: true }
    expect(answer).toMatchObject({
      status: 202,
      body: { deployment: { trigger: 'rollback', askedBy: 'alice', note: 'broken', ...version } },
    })
    const held = { release: two.name, revision: two.revision, by: 'alice', reason: 'broken' }
    expect(await door.store.gates()).toMatchObject({ holds: [held] })
  })

  it('is not retried, which would deploy the newest', async () => {
    const door = await withReleases()
    const { deployment } = (await ask(door, 'rollback')).body as { readonly deployment: { readonly id: number } }
    await door.store.cancel(deployment.id, new Date())
    const retried = await door.control(`/api/deployments/${deployment.id}/retry`, { method: 'POST' })
    expect(retried).toMatchObject(refused(409, 'is_rollback', `deployhook rollback blog --to ${two.name}`))
  })

  it.each([one.name, one.revision, one.revision.slice(0, 7), one.revision.toUpperCase()])('goes to %s', async (to) => {
    const door = await withReleases()
    expect(await ask(door, 'rollback', { to })).toMatchObject({
      status: 202,
      body: { deployment: { release: one.name, requestedRevision: one.revision } },
    })
  })

  it('goes to the newest whole release of a commit that has several', async () => {
    const again = { ...two, name: `${two.name}-2` }
    const door = await withReleases([{ ...two, name: `${two.name}-3`, isComplete: false }, three, again, two])
    expect((await ask(door, 'rollback', { to: '2222222' })).body).toMatchObject({ deployment: { release: again.name } })
  })

  it('names what there is where there is nothing to go back to, or not that', async () => {
    const unfinished = aRelease('4', { isComplete: false })
    const door = await withReleases([unfinished, three])
    const there = `There are: ${unfinished.name} \\(not finished\\), ${three.name} \\(live\\)\\.`
    const cases: readonly (readonly [to: object, answer: object])[] = [
      [{}, refused(409, 'nothing_to_go_back_to', there)],
      [{ to: '5555555' }, refused(404, 'release_not_found', there, 'deployhook deploy blog --revision COMMIT')],
      [{ to: one.name }, refused(404, 'release_not_found', there)],
      [{ to: unfinished.name }, refused(409, 'release_incomplete', there)],
      [{ to: three.name }, refused(409, 'already_live', 'deployhook hold blog')],
      [{ to: '3333333' }, refused(409, 'already_live')],
    ]
    for (const [body, answer] of cases)
      expect(await ask(door, 'rollback', body), JSON.stringify(body)).toMatchObject(answer)
    expect(await door.store.queue()).toEqual([])
    expect(await door.store.gates()).toEqual({ holds: [], freezes: [] })
  })

  it('asks for more digits where several commits begin so', async () => {
    const like = (end: string): Release => ({
      ...aRelease('2'),
      revision: `${'2'.repeat(39)}${end}` as Revision,
      name: `20261124-160000-222222222222-${end}`,
    })
    const door = await withReleases([three, like('4'), like('5')])
    expect(await ask(door, 'rollback', { to: '2222222' })).toMatchObject(refused(409, 'ambiguous', 'Give more digits'))
  })

  it.each(['../../etc', '123456', 'main', '20261124-163001-11111111111', '', 1])('refuses to: %j', async (to) => {
    expect(await ask(await openDoor(), 'rollback', { to })).toMatchObject(
      refused(400, 'invalid_request', '^to: must be'),
    )
  })
})

describe('an app that is deployed in place', () => {
  it('goes back to the commit before, or to one that was live', async () => {
    const door = await openDoor()
    for (const digit of ['a', 'b', 'c']) await live(door.store, revision(digit))
    expect((await ask(door, 'rollback')).body).toMatchObject({
      deployment: { requestedRevision: revision('b'), release: null, ref, exact: true },
    })
    expect((await ask(door, 'rollback', { to: 'aaaaaaa' })).body).toMatchObject({
      deployment: { requestedRevision: revision('a') },
    })
  })

  it('goes back to what is called live when a failed deployment has left its files after it', async () => {
    const door = await openDoor()
    await live(door.store, revision('a'))
    await deploy(door.store, { deployed: revision('b'), release: null, outcome: 'failed' })
    for (const body of [{}, { to: 'aaaaaaa' }])
      expect((await ask(door, 'rollback', body)).body).toMatchObject({
        deployment: { requestedRevision: revision('a') },
      })
  })

  it('says what to do where there is no such commit', async () => {
    const door = await openDoor()
    const cure = 'deployhook deploy blog --revision COMMIT'
    expect(await ask(door, 'rollback')).toMatchObject(refused(409, 'nothing_to_go_back_to', cure))
    await live(door.store, revision('a'))
    expect(await ask(door, 'rollback')).toMatchObject(refused(409, 'nothing_to_go_back_to', cure))
    expect(await ask(door, 'rollback', { to: 'bbbbbbb' })).toMatchObject(refused(404, 'revision_not_found', cure))
    expect(await ask(door, 'rollback', { to: one.name })).toMatchObject(
      refused(404, 'revision_not_found', 'has no releases'),
    )
    expect(await ask(door, 'rollback', { to: 'aaaaaaa' })).toMatchObject(refused(409, 'already_live'))
    expect(await door.store.queue()).toEqual([])
  })
})

describe('POST /api/apps/<app>/deploy of one revision', () => {
  it('takes a whole commit as it is, and the beginning of one that is known here, and holds the app at it', async () => {
    const door = await openDoor()
    await door.push({ after: 'd'.repeat(40) })
    for (const asked of ['e'.repeat(40), 'ddddddd']) {
      expect(await ask(door, 'deploy', { revision: asked })).toMatchObject({
        status: 202,
        body: { deployment: { trigger: 'manual', exact: true, requestedRevision: asked.padEnd(40, asked[0]) } },
      })
    }
    expect(await door.store.gates()).toMatchObject({ holds: [{ revision: revision('d'), until: 'unhold' }] })
  })

  it('refuses a beginning that nothing here has, or that says nothing', async () => {
    const door = await openDoor()
    expect(await ask(door, 'deploy', { revision: 'fffffff' })).toMatchObject(
      refused(404, 'revision_not_found', 'give all digits'),
    )
    for (const asked of ['ffffff', 'main', 'HEAD~1', '0'.repeat(65), null])
      expect((await ask(door, 'deploy', { revision: asked })).status).toBe(400)
    expect(await door.store.queue()).toEqual([])
  })
})
