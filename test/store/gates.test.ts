import { describe, expect, it } from 'vitest'
import { parseCron } from '../../src/lib/cron.ts'
import { everyApp } from '../../src/model/gate.ts'
import type { ClaimTarget, Enqueue, Store } from '../../src/store/store.ts'
import {
  arrival,
  at,
  claim,
  claimed,
  enqueue,
  openRaw,
  openTestStore,
  ownTarget,
  revision,
  runNext,
} from './support.ts'

const by = { by: 'ann', reason: 'sale', at: at(0) }
const a = revision('a')
const b = revision('b')

describe('a freeze', () => {
  it('keeps pushes, of which the newest is started when it ends', async () => {
    const { store } = await openTestStore()
    await store.freeze('blog', { ...by, until: null })
    const [first] = (await store.accept(arrival({}))).deployments
    const [second] = (await store.accept(arrival({}))).deployments

    expect(await claim(store)).toBeNull()
    expect(await store.deployment(first?.id ?? 0)).toMatchObject({ outcome: 'superseded', supersededBy: second?.id })
    expect(await store.unfreeze('blog')).toMatchObject({ scope: 'blog', by: 'ann', reason: 'sale' })
    expect((await claim(store))?.deployment.id).toBe(second?.id)
    expect(await store.unfreeze('blog')).toBeNull()
  })

  it('keeps a person waiting too, unless it is forced, and no other app', async () => {
    const { store } = await openTestStore()
    await store.freeze('blog', { ...by, until: null })
    await enqueue(store, 'blog', 'manual')
    const shop = await enqueue(store, 'shop')
    expect((await claim(store))?.deployment.id).toBe(shop.id)
    expect(await claim(store)).toBeNull()

    const forced = await store.enqueue({ ...asked('blog'), forced: true })
    expect((await claim(store))?.deployment.id).toBe(forced.id)
  })

  it('of every app is another than that of one, and each ends by itself', async () => {
    const { store } = await openTestStore()
    await store.freeze('blog', { ...by, until: null })
    await store.freeze(everyApp, { ...by, until: at(60) })
    await enqueue(store, 'blog')
    await enqueue(store, 'shop')

    expect(await claim(store)).toBeNull()
    const later = await store.claim({ resolve: ownTarget, maxRunning: 9, at: at(60) })
    expect(later?.deployment.app).toBe('shop')
    expect(await store.unfreeze(everyApp)).not.toBeNull()
    expect(await claim(store)).toBeNull()
  })

  it('that begins or ends is told of every deployment that waits for it', async () => {
    const { store } = await openTestStore()
    const { id } = await enqueue(store, 'blog')
    const changes = store.changes(new AbortController().signal)[Symbol.asyncIterator]()
    await store.freeze(everyApp, { ...by, until: null })
    expect((await changes.next()).value).toMatchObject({ id, state: 'queued' })
    await store.unfreeze(everyApp)
    expect((await changes.next()).value).toMatchObject({ id, state: 'queued' })
  })
})

describe('windows', () => {
  it('keep what is automatic until one is open, and nobody else', async () => {
    const { store } = await openTestStore()
    const window = parseCron('* 9-16 * * *', 'UTC')
    if ('problem' in window) throw new Error(window.problem)
    const resolve = (app: string): ClaimTarget => ({ ...ownTarget(app), windows: app === 'blog' ? [window] : [] })
    const claimAt = (time: string) => store.claim({ resolve, maxRunning: 9, at: new Date(time) })
    const blog = await enqueue(store, 'blog')
    const shop = await enqueue(store, 'shop')

    expect((await claimAt('2026-01-02T08:59:59Z'))?.deployment.id).toBe(shop.id)
    expect(await claimAt('2026-01-02T08:59:59Z')).toBeNull()
    expect((await claimAt('2026-01-02T09:00:00Z'))?.deployment.id).toBe(blog.id)
  })
})

describe('an approval', () => {
  const resolve = (app: string): ClaimTarget => ({ ...ownTarget(app), approve: true })

  it('pins what was pushed, and a newer push needs its own', async () => {
    const { store } = await openTestStore()
    const [first] = (await store.accept(arrival({}))).deployments
    expect(await claim(store, resolve)).toBeNull()
    expect(await store.approve(first?.id ?? 0, { by: 'ann', at: at(1) })).toBe('approved')
    expect(await store.approve(first?.id ?? 0, { by: 'bob', at: at(2) })).toBe('approved')
    expect(await store.deployment(first?.id ?? 0)).toMatchObject({
      ...{ exact: true, requestedRevision: a, approvedBy: 'ann', approvedAt: at(1) },
    })

    const [second] = (await store.accept(arrival({}))).deployments
    expect(await claim(store, resolve)).toBeNull()
    expect(await store.approve(second?.id ?? 0, { by: null, at: at(3) })).toBe('approved')
    expect((await claim(store, resolve))?.deployment).toMatchObject({ id: second?.id, exact: true })
  })

  it('is waited for without looking at the disk', async () => {
    const { store } = await openTestStore()
    const [waiting] = (await store.accept(arrival({}))).deployments
    let looks = 0
    const looking = (app: string): ClaimTarget => ({
      ...resolve(app),
      get realPath() {
        looks++
        return `/srv/${app}`
      },
    })

    expect(await claim(store, looking)).toBeNull()
    expect(looks).toBe(0)
    await store.approve(waiting?.id ?? 0, { by: 'ann', at: at(1) })
    expect((await claim(store, looking))?.deployment.id).toBe(waiting?.id)
    expect(looks).toBe(1)
  })

  it('of what was found without a commit is one of the tip', async () => {
    const { store } = await openTestStore()
    const { id } = await enqueue(store, 'blog')
    expect(await store.approve(id, { by: null, at: at(1) })).toBe('approved')
    expect(await store.deployment(id)).toMatchObject({ exact: false })
  })

  it('is asked of nobody who wants it, nor of what does not wait', async () => {
    const { store } = await openTestStore()
    const { id } = await enqueue(store, 'blog', 'manual')
    const approve = (of: number) => store.approve(of, { by: null, at: at(1) })
    expect(await approve(id)).toBe('not_needed')
    expect((await claim(store, resolve))?.deployment.id).toBe(id)
    expect(await approve(id)).toBe('not_queued')
    expect(await approve(99)).toBe('not_found')
  })
})

describe('a rollback by hand', () => {
  it('takes the place of a queued push, and holds the app from then on', async () => {
    const { store } = await liveWith(a, b)
    const push = await enqueue(store, 'blog')
    const rollback = await store.enqueue(rollbackTo(a))

    expect(await store.deployment(push.id)).toMatchObject({ outcome: 'superseded', supersededBy: rollback.id })
    expect(await store.gates()).toMatchObject({
      holds: [{ app: 'blog', revision: a, deployment: rollback.id, by: 'ann', reason: 'sale', until: 'unhold' }],
    })
    const later = await enqueue(store, 'blog')
    await runNext(store, 'succeeded', { revision: a })
    expect(await claim(store)).toBeNull()
    expect(await store.unhold('blog')).toMatchObject({ deployment: rollback.id })
    expect((await claim(store))?.deployment.id).toBe(later.id)
  })

  it('puts what it left into quarantine, once it has succeeded', async () => {
    const { store } = await liveWith(a, b)
    const rollback = await store.enqueue(rollbackTo(a))
    expect(await store.quarantined('blog')).toEqual([])
    await runNext(store, 'succeeded', { revision: a })
    expect(await store.quarantined('blog')).toMatchObject([
      { revision: b, deployment: rollback.id, reason: 'rollback' },
    ])
  })

  it('to what was rolled back is a way forward, and takes it out again', async () => {
    const { store } = await liveWith(a, b)
    await store.enqueue(rollbackTo(a))
    await runNext(store, 'succeeded', { revision: a })
    await store.enqueue(rollbackTo(b))
    await runNext(store, 'succeeded', { revision: b })
    expect(await store.quarantined('blog')).toEqual([])
  })

  it.each(['failed', 'cancelled'] as const)('that is %s leaves no hold behind', async (outcome) => {
    const { store } = await liveWith(a, b)
    await store.enqueue(rollbackTo(a))
    await runNext(store, outcome)
    expect((await store.gates()).holds).toEqual([])
    expect(await store.quarantined('blog')).toEqual([])
  })

  it('that is cancelled or superseded before it starts leaves what held the app before', async () => {
    const { store } = await liveWith(a, b)
    await store.hold('blog', { ...by, by: 'bob' })
    const first = await store.enqueue(rollbackTo(a))
    const second = await store.enqueue(rollbackTo(a))
    expect(await store.deployment(first.id)).toMatchObject({ outcome: 'superseded' })
    expect((await store.gates()).holds).toMatchObject([{ deployment: second.id }])
    await store.cancel(second.id, at(3))
    expect((await store.gates()).holds).toMatchObject([{ by: 'bob', revision: b }])
  })

  it('that succeeds takes the place of those before it, and not of what somebody holds until they say otherwise', async () => {
    const { store, directory } = await liveWith(revision('c'), a, b)
    await store.hold('blog', by)
    for (const one of [a, revision('c')]) {
      await store.enqueue(rollbackTo(one))
      await runNext(store, 'succeeded', { revision: one })
    }
    expect(openRaw(directory).prepare('select revision from holds').all()).toEqual([
      { revision: b },
      { revision: revision('c') },
    ])
  })

  it('that holds until the next push gives way to what somebody holds, not to that push', async () => {
    const { store } = await liveWith(a, b)
    await store.hold('blog', { ...by, by: 'bob' })
    await store.enqueue({ ...rollbackTo(a), hold: 'next_push' })
    await runNext(store, 'succeeded', { revision: a })
    expect((await store.gates()).holds).toMatchObject([{ revision: a, until: 'next_push' }])
    await store.accept(pushOf('c'))
    expect((await store.gates()).holds).toMatchObject([{ by: 'bob', until: 'unhold' }])
  })

  it('that the daemon died of is taken up again as what it was', async () => {
    const { store } = await liveWith(a, b)
    const { id } = await store.enqueue({ ...rollbackTo(a), release: 'r1', forced: true })
    await claimed(store)
    await store.recover({ except: new Set(), onInterrupt: () => 'requeue', maxAttempts: 3, at: at(4) })
    expect((await claimed(store)).deployment).toMatchObject({
      ...{ id, trigger: 'rollback', exact: true, forced: true, release: 'r1', requestedRevision: a },
    })
    expect((await store.gates()).holds).toHaveLength(1)
  })
})

describe('a hold', () => {
  it('until the next push is ended by one, but not by one that is repeated or was rolled back', async () => {
    const { store } = await liveWith(b)
    const first = arrival({ providerId: 'one' })
    await store.accept(first)
    await runNext(store, 'succeeded', { revision: a })
    await store.enqueue({ ...rollbackTo(b), hold: 'next_push' })
    await runNext(store, 'succeeded', { revision: b })

    expect((await store.accept(first)).result).toBe('duplicate')
    expect((await store.accept(arrival({}))).result).toBe('accepted')
    expect((await store.gates()).holds).toHaveLength(1)
    await store.accept(pushOf('c'))
    expect((await store.gates()).holds).toEqual([])
  })

  it('that such a push ended while the rollback ran does not come back', async () => {
    const { store } = await liveWith(a, b)
    await store.enqueue({ ...rollbackTo(a), hold: 'next_push' })
    const { owner } = await claimed(store)
    const [push] = (await store.accept(pushOf('c'))).deployments
    await store.finish(owner, { outcome: 'succeeded', reason: null, message: null }, at(2))
    expect((await claim(store))?.deployment.id).toBe(push?.id)
  })

  it('until it is ended is not ended by a push', async () => {
    const { store } = await liveWith(b)
    await store.hold('blog', by)
    await store.accept(pushOf('c'))
    expect((await store.gates()).holds).toMatchObject([{ app: 'blog', revision: b, by: 'ann', reason: 'sale' }])
    expect(await claim(store)).toBeNull()
  })

  it.each(['manual', 'retry'] as const)("is ended by a person's %s of the tip that succeeds", async (trigger) => {
    const { store } = await liveWith(b)
    await store.hold('blog', by)
    await enqueue(store, 'blog', trigger)
    await runNext(store, 'failed')
    expect((await store.gates()).holds).toHaveLength(1)
    await enqueue(store, 'blog', trigger)
    await runNext(store)
    expect((await store.gates()).holds).toEqual([])
  })

  it('that was put on since that person asked stays', async () => {
    const { store } = await liveWith(b)
    await enqueue(store, 'blog', 'manual')
    await store.hold('blog', { ...by, at: at(1) })
    await runNext(store)
    expect((await store.gates()).holds).toHaveLength(1)
  })
})

describe('a revision that was rolled back', () => {
  it.each([
    ['rolled_back', 'unhealthy'],
    ['failed', 'rollback_failed'],
  ] as const)('is in quarantine: %s, %s', async (outcome, reason) => {
    const { store } = await liveWith(a)
    const { id } = await enqueue(store, 'blog')
    await runNext(store, outcome, { reason, revision: b })
    expect(await store.quarantined('blog')).toEqual([{ app: 'blog', revision: b, deployment: id, reason, at: at(2) }])
    expect(await store.quarantined('shop')).toEqual([])
  })

  it.each(['disk_full', 'disk_failed', 'resources_short'])(
    'is not where the machine was to blame: %s',
    async (reason) => {
      const { store } = await liveWith(a)
      await enqueue(store, 'blog')
      await runNext(store, 'rolled_back', { reason, revision: b })
      expect(await store.quarantined('blog')).toEqual([])
    },
  )

  it('is no longer once it has succeeded', async () => {
    const { store } = await liveWith(a)
    await enqueue(store, 'blog')
    await runNext(store, 'rolled_back', { revision: b })
    await enqueue(store, 'blog', 'retry')
    await runNext(store, 'succeeded', { revision: b })
    expect(await store.quarantined('blog')).toEqual([])
  })

  it('is not deployed again for being delivered again', async () => {
    const { store } = await liveWith(a)
    await store.accept(arrival({ providerId: 'one' }))
    await runNext(store, 'rolled_back', { revision: b })
    expect((await store.accept(arrival({ providerId: 'one' }))).result).toBe('duplicate')
  })
})

describe('what a rollback goes back to', () => {
  it('is the newest good version before the one that is live', async () => {
    const { store } = await liveWith(a)
    expect(await store.rollbackTarget('blog')).toBeNull()
    await good(store, b)
    await good(store, b)
    expect(await store.rollbackTarget('blog')).toEqual({ release: null, revision: a, deployment: 1 })
  })

  it('is never what was rolled back, so that twice goes back twice', async () => {
    const { store } = await liveWith(revision('c'), a, b)
    await store.enqueue(rollbackTo(a))
    await runNext(store, 'succeeded', { revision: a })
    expect(await store.rollbackTarget('blog')).toMatchObject({ revision: revision('c') })
  })

  it.each(['failed', 'cancelled', 'timed_out'] as const)(
    'is the last good one when one that %s stands in its place',
    async (outcome) => {
      const { store } = await liveWith(a, b)
      await enqueue(store, 'blog')
      await runNext(store, outcome, { revision: revision('c') })
      expect(await store.rollbackTarget('blog')).toMatchObject({ revision: a })
      await enqueue(store, 'blog')
      await runNext(store, outcome, { revision: revision('c'), steps: 1 })
      expect(await store.rollbackTarget('blog')).toMatchObject({ revision: b })
    },
  )

  it('is another release, also of the same revision, and one that is there', async () => {
    const { store } = await liveWith(a)
    for (const release of ['r2', 'r3', 'r4']) await good(store, b, release)
    expect(await store.rollbackTarget('blog')).toMatchObject({ release: 'r3', revision: b })
    expect(await store.rollbackTarget('blog', { live: 'r3' })).toMatchObject({ release: 'r4' })
    expect(await store.rollbackTarget('blog', { live: 'r4', releases: ['r2', 'r4'] })).toMatchObject({ release: 'r2' })
    expect(await store.rollbackTarget('blog', { live: 'r4', releases: ['r4'] })).toBeNull()
  })
})

describe('a new deploy map', () => {
  const reconcile = (store: Store, names: Readonly<Record<string, readonly string[]>>) =>
    store.reconcile({ apps: new Map(Object.entries(names).map(([name, was]) => [name, { was }])), at: at(9) })

  it('takes along what keeps a renamed app back', async () => {
    const { store } = await everythingShut()
    await reconcile(store, { journal: ['blog'] })
    expect(await store.gates()).toMatchObject({
      holds: [{ app: 'journal' }],
      freezes: [{ scope: '*' }, { scope: 'journal' }],
    })
    expect(await store.quarantined('journal')).toMatchObject([{ app: 'journal', revision: b }])
  })

  it('forgets nothing of an app that is gone, which may have been a typo', async () => {
    const { store } = await everythingShut()
    const before = await store.gates()
    await reconcile(store, { shop: [] })
    expect(await store.gates()).toEqual(before)
    expect(await store.quarantined('blog')).toMatchObject([{ revision: b }])
  })

  async function everythingShut() {
    const opened = await liveWith(a)
    const { store } = opened
    await enqueue(store, 'blog')
    await runNext(store, 'rolled_back', { revision: b })
    await store.hold('blog', by)
    await store.freeze('blog', { ...by, until: null })
    await store.freeze(everyApp, { ...by, until: null })
    return opened
  }
})

/** The app blog has deployed these, one after the other. */
async function liveWith(...revisions: readonly (typeof a)[]) {
  const opened = await openTestStore()
  for (const one of revisions) await good(opened.store, one)
  return opened
}

async function good(store: Store, which: typeof a, release?: string): Promise<void> {
  await enqueue(store, 'blog')
  await runNext(store, 'succeeded', { revision: which, ...(release === undefined ? {} : { release }) })
}

function asked(app: string): Enqueue {
  return { app, trigger: 'manual', ref: 'refs/heads/main', requestedRevision: null, adopt: false, at: at(0) }
}

function rollbackTo(which: typeof a): Enqueue {
  const why = { askedBy: 'ann', note: 'sale', hold: 'unhold' } as const
  return { ...asked('blog'), trigger: 'rollback', requestedRevision: which, ...why }
}

function pushOf(digit: string) {
  const ref = 'refs/heads/main'
  return { ...arrival({}), wanted: [{ app: 'blog', ref, requestedRevision: revision(digit) }] }
}
