import { describe, expect, it } from 'vitest'
import { arrival, at, claimed, delivery, keeping, openTestStore, revision, runNext } from './support.ts'

describe('an accepted delivery', () => {
  it('is kept together with the deployments it made', async () => {
    const { store } = await openTestStore()

    const {
      delivery: kept,
      result,
      deployments,
    } = await store.accept(arrival({ providerId: 'a-1', apps: ['blog', 'docs'] }))

    expect(result).toBe('accepted')
    expect(deployments.map(({ app, state, delivery: from }) => ({ app, state, from }))).toEqual([
      { app: 'blog', state: 'queued', from: kept.id },
      { app: 'docs', state: 'queued', from: kept.id },
    ])
    expect(kept).toMatchObject({ providerId: 'a-1', result: 'accepted', reason: null, duplicateOf: null })
    expect(await store.delivery(kept.id)).toEqual(kept)
    expect(await store.deployment(deployments[0]?.id ?? 0)).toEqual(deployments[0])
  })

  it('remembers what was pushed, at a length that a screen can bear', async () => {
    const { store } = await openTestStore()
    const long = '🦉'.repeat(5000)
    const push = {
      repository: 'acme/blog',
      names: [],
      app: null,
      ref: 'refs/heads/main',
      before: null,
      after: revision('a'),
      deleted: false,
      forced: null,
      headCommit: null,
    }

    const { delivery: kept } = await store.accept({ ...arrival({}), event: long, push: { ...push, pusher: long } })

    expect(kept).toMatchObject({ repository: 'acme/blog', ref: 'refs/heads/main', after: revision('a') })
    expect(kept.pusher).toHaveLength(300)
    expect(kept.event).toHaveLength(300)
    expect(kept.pusher?.isWellFormed()).toBe(true)
  })
})

describe('a delivery that wants nothing', () => {
  it('is kept with the reason, and with the apps it passed by', async () => {
    const { store } = await openTestStore()

    const { delivery: kept, result } = await store.accept({
      ...arrival({ apps: [] }),
      ignored: [{ app: 'blog', reason: 'branch' }],
      reason: 'branch',
    })

    expect(result).toBe('ignored')
    expect(kept).toMatchObject({
      result: 'ignored',
      reason: 'branch',
      deployments: [],
      ignored: [{ app: 'blog', reason: 'branch' }],
    })
  })

  it('is kept when it is no push at all, or cannot be read', async () => {
    const { store } = await openTestStore()

    const ping = await store.keep(delivery({}), {
      ...keeping(),
      event: 'ping',
      result: 'ignored',
      reason: 'ping',
    })
    const broken = await store.keep(delivery({}), {
      ...keeping(),
      event: null,
      result: 'malformed',
      reason: 'after: not a commit',
    })

    expect(ping).toMatchObject({ id: 1, event: 'ping', result: 'ignored', reason: 'ping' })
    expect(broken).toMatchObject({ id: 2, event: null, result: 'malformed', reason: 'after: not a commit' })
  })

  it('does not make the next one with the same id a duplicate: "Redeliver" works after mending deploy.yml', async () => {
    const { store } = await openTestStore()
    await store.accept({ ...arrival({ providerId: 'a-1', body: 'same', apps: [] }), reason: 'no_app' })

    const again = await store.accept(arrival({ providerId: 'a-1', body: 'same' }))

    expect(again.result).toBe('accepted')
    expect(again.delivery.duplicateOf).toBeNull()
  })
})

describe('a duplicate', () => {
  it('is told by its id, and names the original', async () => {
    const { store } = await openTestStore()
    const first = await store.accept(arrival({ providerId: 'a-1', body: 'same' }))

    const second = await store.accept(arrival({ providerId: 'a-1', body: 'same' }))

    expect(second).toMatchObject({ result: 'duplicate', deployments: [], bodyDiffers: false })
    expect(second.delivery).toMatchObject({ reason: 'duplicate', duplicateOf: first.delivery.id, deployments: [] })
  })

  it('is told by its id although the body is another, which is worth a warning', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1', body: 'one' }))

    expect(await store.accept(arrival({ providerId: 'a-1', body: 'two' }))).toMatchObject({
      result: 'duplicate',
      bodyDiffers: true,
    })
  })

  it.each([null, 'made-up'])('is told by its body where the id is not signed, with id %s', async (providerId) => {
    const { store } = await openTestStore()
    const first = await store.accept(arrival({ providerId: 'a-1', body: 'same' }))

    const second = await store.accept(arrival({ providerId, body: 'same' }))

    expect(second).toMatchObject({ result: 'duplicate', bodyDiffers: false })
    expect(second.delivery.duplicateOf).toBe(first.delivery.id)
  })

  it('is not told by its body where the id is signed: two pushes may look the same', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1', body: 'same', idIsSigned: true }))
    await store.accept(arrival({ providerId: 'a-0', body: 'same', idIsSigned: false }))

    expect(await store.accept(arrival({ providerId: 'a-2', body: 'same', idIsSigned: true }))).toMatchObject({
      result: 'accepted',
    })
    expect(await store.accept(arrival({ providerId: 'a-2', body: 'same', idIsSigned: true }))).toMatchObject({
      result: 'duplicate',
    })
  })

  it('is one only within a webhook', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1', body: 'same' }))

    expect(await store.accept(arrival({ providerId: 'a-1', body: 'same', webhook: 'other' }))).toMatchObject({
      result: 'accepted',
    })
  })

  it('is still known after a restart', async () => {
    const { store, directory } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1' }))
    await store.close()

    const { store: again } = await openTestStore(directory)

    expect(await again.accept(arrival({ providerId: 'a-1' }))).toMatchObject({ result: 'duplicate' })
  })

  it('is all but one of 50 that arrive at once', async () => {
    const { store } = await openTestStore()

    const all = await Promise.all(
      Array.from({ length: 50 }, () => store.accept(arrival({ providerId: 'a-1', body: 'same' }))),
    )

    expect(all.filter(({ result }) => result === 'accepted')).toHaveLength(1)
    expect(all.filter(({ result }) => result === 'duplicate')).toHaveLength(49)
    expect(new Set(all.map(({ delivery: kept }) => kept.duplicateOf))).toEqual(new Set([null, 1]))
    expect(await store.deployments({ limit: 500 })).toHaveLength(1)
  })
})

describe('a redelivery', () => {
  it.each(['failed', 'cancelled'] as const)('makes a new deployment when the last one %s', async (outcome) => {
    const { store } = await openTestStore()
    const first = await store.accept(arrival({ providerId: 'a-1' }))
    await runNext(store, outcome)

    const second = await store.accept(arrival({ providerId: 'a-1' }))

    expect(second.result).toBe('accepted')
    expect(second.delivery.duplicateOf).toBe(first.delivery.id)
    expect(second.deployments).toHaveLength(1)
  })

  it.each(['timed_out', 'interrupted'] as const)('makes a new deployment when the last one was %s', async (outcome) => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1' }))
    const { owner } = await claimed(store)
    await store.finish(owner, { outcome, reason: null, message: null }, at(2))

    expect(await store.accept(arrival({ providerId: 'a-1' }))).toMatchObject({ result: 'accepted' })
  })

  it.each(['branch_gone', 'ref_unwanted', 'app_removed'] as const)(
    'makes a new deployment when the last one was skipped for %s: that may have changed since',
    async (reason) => {
      const { store } = await openTestStore()
      await store.accept(arrival({ providerId: 'a-1' }))
      const { owner } = await claimed(store)
      await store.finish(owner, { outcome: 'skipped', reason, message: null }, at(2))

      expect(await store.accept(arrival({ providerId: 'a-1' }))).toMatchObject({ result: 'accepted' })
    },
  )

  it.each(['succeeded', 'skipped'] as const)('has nothing to do when the last one %s', async (outcome) => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1' }))
    await runNext(store, outcome)

    expect(await store.accept(arrival({ providerId: 'a-1' }))).toMatchObject({ result: 'duplicate' })
  })

  it('has nothing to do while it is queued or running, or was superseded by a newer push', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1' }))
    expect(await store.accept(arrival({ providerId: 'a-1' }))).toMatchObject({ result: 'duplicate' })
    await claimed(store)
    expect(await store.accept(arrival({ providerId: 'a-1' }))).toMatchObject({ result: 'duplicate' })
    await store.accept(arrival({ providerId: 'a-2' }))
    await store.accept(arrival({ providerId: 'a-3' }))
    expect(await store.accept(arrival({ providerId: 'a-2' }))).toMatchObject({ result: 'duplicate' })
  })

  it('is made again when what superseded it was cancelled, however often that was taken in turn', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1' }))
    await store.accept(arrival({ providerId: 'a-2' }))
    const last = await store.accept(arrival({ providerId: 'a-3' }))
    expect(await store.accept(arrival({ providerId: 'a-1' }))).toMatchObject({ result: 'duplicate' })
    await store.cancel(last.deployments[0]?.id ?? 0, at(3))

    expect(await store.accept(arrival({ providerId: 'a-1' }))).toMatchObject({ result: 'accepted' })
  })

  it('told by its body alone is a push of its own once another delivery deployed the app since', async () => {
    const { store } = await openTestStore()
    const forward = () => arrival({ body: 'main moved from A to B' })
    const back = () => arrival({ body: 'main moved from B to A' })
    const first = await store.accept(forward())
    await runNext(store)
    expect(await store.accept(forward())).toMatchObject({ result: 'duplicate' })
    await store.accept(back())
    await runNext(store)

    const again = await store.accept(forward())

    expect(again).toMatchObject({ result: 'accepted', delivery: { duplicateOf: first.delivery.id } })
    expect(await store.accept(forward())).toMatchObject({ result: 'duplicate' })
    expect(await store.accept(back())).toMatchObject({ result: 'accepted' })
  })

  it('told by its body alone is a duplicate for an app that was deployed by hand alone since', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ body: 'same', apps: ['blog', 'docs'] }))
    await runNext(store)
    await runNext(store)
    await store.enqueue({
      app: 'blog',
      trigger: 'manual',
      ref: 'refs/heads/main',
      requestedRevision: null,
      adopt: false,
      at: at(3),
    })

    expect(await store.accept(arrival({ body: 'same', apps: ['blog', 'docs'] }))).toMatchObject({ result: 'duplicate' })
  })

  it('told by its id stays a duplicate although another delivery deployed the app since', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1' }))
    await runNext(store)
    await store.accept(arrival({ providerId: 'a-2' }))
    await runNext(store)

    expect(await store.accept(arrival({ providerId: 'a-1' }))).toMatchObject({ result: 'duplicate' })
  })

  it('is judged by what the redeliveries before it did', async () => {
    const { store } = await openTestStore()
    const first = await store.accept(arrival({ providerId: 'a-1' }))
    await runNext(store, 'failed')
    await store.accept(arrival({ providerId: 'a-1' }))
    await runNext(store, 'succeeded')

    const third = await store.accept(arrival({ providerId: 'a-1' }))

    expect(third.result).toBe('duplicate')
    expect(third.delivery.duplicateOf).toBe(first.delivery.id)
  })

  it('is judged for each app: what failed and what is new in deploy.yml is made, what succeeded is not', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1', apps: ['blog', 'docs'] }))
    await runNext(store, 'succeeded')
    await runNext(store, 'failed')

    const { result, deployments } = await store.accept(arrival({ providerId: 'a-1', apps: ['blog', 'docs', 'shop'] }))

    expect(result).toBe('accepted')
    expect(deployments.map(({ app }) => app)).toEqual(['docs', 'shop'])
  })

  it('that wants nothing any more is ignored, with the reason', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1' }))

    const again = await store.accept({ ...arrival({ providerId: 'a-1', apps: [] }), reason: 'skip' })

    expect(again.delivery).toMatchObject({ result: 'ignored', reason: 'skip', duplicateOf: null })
  })
})

describe('the list of deliveries', () => {
  it('is newest first, in pages', async () => {
    const { store } = await openTestStore()
    for (const providerId of ['a', 'b', 'c', 'd', 'e']) await store.accept(arrival({ providerId, apps: [providerId] }))

    const first = await store.deliveries({ limit: 2 })
    const second = await store.deliveries({ limit: 2, before: first.at(-1)?.id ?? 0 })

    expect([first, second].map((page) => page.map(({ providerId }) => providerId))).toEqual([
      ['e', 'd'],
      ['c', 'b'],
    ])
    expect(first.map(({ deployments }) => deployments)).toEqual([[{ id: 5, app: 'e' }], [{ id: 4, app: 'd' }]])
  })

  it('can be that of a webhook, of an id, or of an app: all that reached it, deployed, duplicate or not', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1', apps: ['blog', 'docs'] }))
    await store.accept(arrival({ providerId: 'a-1', apps: ['blog'] }))
    await store.accept({
      ...arrival({ providerId: 'a-2', apps: ['docs'] }),
      ignored: [{ app: 'blog', reason: 'skip' }],
    })
    await store.accept(arrival({ providerId: 'a-3', apps: ['docs'], webhook: 'other' }))
    const ids = async (filter: object) => (await store.deliveries({ limit: 9, ...filter })).map(({ id }) => id)

    expect(await ids({ webhook: 'other' })).toEqual([4])
    expect(await ids({ providerId: 'a-1' })).toEqual([2, 1])
    expect(await ids({ app: 'blog' })).toEqual([3, 2, 1])
    expect(await ids({ app: 'docs', webhook: 'github' })).toEqual([3, 1])
    expect(await ids({ app: "'; drop table deliveries; --" })).toEqual([])
  })

  it('has no delivery that was never there', async () => {
    const { store } = await openTestStore()

    expect(await store.delivery(1)).toBeNull()
    expect(await store.deliveries({ limit: 9 })).toEqual([])
  })
})
