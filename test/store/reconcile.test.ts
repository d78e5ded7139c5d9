import { describe, expect, it } from 'vitest'
import { arrival, at, claimed, enqueue, openTestStore, runNext } from './support.ts'

const map = (apps: Record<string, readonly string[]>) => ({
  apps: new Map(Object.entries(apps).map(([name, was]) => [name, { was }])),
  at: at(9),
})

describe('after a reload', () => {
  it('the queue of a removed app ends as skipped, and what runs goes on', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'gone')
    const { owner } = await claimed(store)
    await enqueue(store, 'gone', 'push')
    await enqueue(store, 'blog')

    const ended = await store.reconcile(map({ blog: [] }))

    expect(ended.map(({ id, outcome, reason }) => [id, outcome, reason])).toEqual([[2, 'skipped', 'app_removed']])
    expect((await store.queue()).map(({ id, state }) => [id, state])).toEqual([
      [1, 'running'],
      [3, 'queued'],
    ])
    expect(await store.finish(owner, { outcome: 'succeeded', reason: null, message: null }, at(10))).toMatchObject({
      outcome: 'succeeded',
    })
  })

  it('a renamed app keeps its queue, its history and what is live', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'old')
    await runNext(store)
    await enqueue(store, 'old')
    const before = await store.live('old')

    expect(await store.reconcile(map({ new: ['older', 'old'] }))).toEqual([])

    expect((await store.deployments({ limit: 9, app: 'new' })).map(({ id }) => id)).toEqual([2, 1])
    expect(await store.deployments({ limit: 9, app: 'old' })).toEqual([])
    expect(await store.live('new')).toEqual(before)
    expect((await claimed(store)).deployment).toMatchObject({ id: 2, app: 'new' })
  })

  it('a redelivery to a renamed app is still a duplicate, and its deliveries are found under the new name', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1', apps: ['old'] }))
    await store.reconcile(map({ new: ['old'] }))

    expect(await store.accept(arrival({ providerId: 'a-1', apps: ['new'] }))).toMatchObject({ result: 'duplicate' })
    expect((await store.deliveries({ limit: 9, app: 'new' })).map(({ id }) => id)).toEqual([2, 1])
  })

  it('a push that came under the new name before the rename supersedes the queued one of the old name', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'old')
    await enqueue(store, 'blog')
    await enqueue(store, 'new')

    await store.reconcile(map({ new: ['old'], blog: [] }))

    expect(await store.deployment(1)).toMatchObject({ outcome: 'superseded', supersededBy: 3 })
    expect((await store.queue()).map(({ id }) => id)).toEqual([3, 2])
  })

  it('two running ones never come to bear one name', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'old')
    await enqueue(store, 'new')
    const { owner } = await claimed(store)
    await claimed(store)

    await store.reconcile(map({ new: ['old'] }))

    expect((await store.queue()).map(({ app }) => app)).toEqual(['old', 'new'])
    await store.finish(owner, { outcome: 'succeeded', reason: null, message: null }, at(10))
    await store.reconcile(map({ new: ['old'] }))
    expect((await store.deployment(1))?.app).toBe('new')
  })

  it('an app whose name is another one’s old name keeps what is its own', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'old')

    await store.reconcile(map({ new: ['old'], old: [] }))

    expect((await store.queue()).map(({ app }) => app)).toEqual(['old'])
  })
})
