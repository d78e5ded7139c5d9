import { describe, expect, it } from 'vitest'
import { at, claim, claimed, enqueue, openTestStore, ownTarget, revision, runNext } from './support.ts'

describe('the list of deployments', () => {
  it('is newest first, in pages, by app and by state', async () => {
    const { store } = await openTestStore()
    for (const app of ['a', 'b', 'c']) await enqueue(store, app)
    await runNext(store)
    await claimed(store)
    const ids = async (filter: object) => (await store.deployments({ limit: 9, ...filter })).map(({ id }) => id)

    expect(await ids({})).toEqual([3, 2, 1])
    expect(await ids({ limit: 1, before: 3 })).toEqual([2])
    expect(await ids({ app: 'a' })).toEqual([1])
    expect(await ids({ state: 'running' })).toEqual([2])
    expect(await ids({ state: 'done', app: 'b' })).toEqual([])
  })

  it('has the steps of each', async () => {
    const { store } = await openTestStore()
    for (const app of ['a', 'b']) {
      await enqueue(store, app)
      const { owner } = await claimed(store)
      await store.startStep(owner, { number: 1, phase: 'build', name: `make ${app}`, at: at(1) })
    }

    const listed = await store.deployments({ limit: 9 })

    expect(listed.map(({ steps }) => steps.map(({ name }) => name))).toEqual([['make b'], ['make a']])
    expect(await store.deployment(99)).toBeNull()
  })
})

describe('what is live of an app', () => {
  const nothing = { revision: null, release: null, deployment: null, at: null, fingerprint: null, ref: null }

  it('is nothing before the first success', async () => {
    const { store } = await openTestStore()
    expect(await store.live('blog')).toEqual(nothing)
    await enqueue(store, 'blog')
    await runNext(store, 'failed')

    expect(await store.live('blog')).toEqual(nothing)
  })

  it('is the commit of the last success, with the entry it ran with', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await runNext(store)

    expect(await store.live('blog')).toEqual({
      revision: revision('b'),
      release: null,
      deployment: 1,
      at: at(2),
      ref: 'refs/heads/main',
      fingerprint: 'entry of blog',
    })
    expect(await store.live('docs')).toEqual(nothing)
  })

  it('is not known to be what is in the tree once a later deployment did not succeed', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await runNext(store)
    await enqueue(store, 'blog')
    await runNext(store, 'failed')

    expect(await store.live('blog')).toMatchObject({ revision: revision('b'), deployment: 1, fingerprint: null })
  })

  it('stays known while later ones are queued, cancelled in the queue, on their first attempt, or skipped', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await runNext(store)
    const fingerprint = async () => (await store.live('blog')).fingerprint

    const { id } = await enqueue(store, 'blog')
    expect(await fingerprint()).toBe('entry of blog')
    await store.cancel(id, at(3))
    expect(await fingerprint()).toBe('entry of blog')
    await enqueue(store, 'blog')
    const { owner } = await claimed(store)
    expect(await fingerprint()).toBe('entry of blog')
    await store.finish(owner, { outcome: 'skipped', reason: 'already_live', message: null }, at(4))
    expect(await fingerprint()).toBe('entry of blog')
  })

  it('is in doubt when an attempt was interrupted, whatever became of the next one', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await runNext(store)
    await enqueue(store, 'blog')
    await store.requeue((await claimed(store)).owner, at(3))
    const fingerprint = async () => (await store.live('blog')).fingerprint

    expect(await fingerprint()).toBeNull()
    const { owner } = await claimed(store)
    expect(await fingerprint()).toBeNull()
    await store.finish(owner, { outcome: 'skipped', reason: 'branch_gone', message: null }, at(4))
    expect(await fingerprint()).toBeNull()
  })

  it('is in doubt when an interrupted one was dropped because its app was gone for a while', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await runNext(store)
    await enqueue(store, 'blog')
    await store.requeue((await claimed(store)).owner, at(3))
    await store.reconcile({ apps: new Map(), at: at(4) })

    expect((await store.live('blog')).fingerprint).toBeNull()
  })

  it('follows the newest entry', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await runNext(store)
    await enqueue(store, 'blog')
    const second = await claim(store, (app) => ({ ...ownTarget(app), fingerprint: 'edited' }))
    if (second === null) throw new Error('not claimed')
    await store.finish(second.owner, { outcome: 'succeeded', reason: null, message: null }, at(4))

    expect(await store.live('blog')).toMatchObject({ deployment: 2, revision: null, fingerprint: 'edited' })
  })
})
