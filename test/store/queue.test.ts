import { describe, expect, it } from 'vitest'
import { arrival, at, claim, claimed, enqueue, openRaw, openTestStore, ownTarget, runNext } from './support.ts'

describe('the queue', () => {
  it('holds exactly one more deployment after 1,000 pushes to one app while one runs', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'first' }))
    await claimed(store)

    const all = await Promise.all(
      Array.from({ length: 1000 }, (_, push) => store.accept(arrival({ providerId: `push ${push}` }))),
    )

    const ids = all.flatMap(({ deployments }) => deployments.map(({ id }) => id))
    expect(ids).toHaveLength(1000)
    expect((await store.queue()).map(({ id, state }) => [id, state])).toEqual([
      [1, 'running'],
      [1001, 'queued'],
    ])
    expect(await store.deployment(500)).toMatchObject({ state: 'done', outcome: 'superseded', supersededBy: 501 })
  })

  it('gives a newer push the place of the one it supersedes, so that a busy app does not starve', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await enqueue(store, 'docs')
    const newer = await enqueue(store, 'blog')

    expect((await store.queue()).map(({ id }) => id)).toEqual([newer.id, 2])
    expect(await store.deployment(1)).toMatchObject({
      outcome: 'superseded',
      supersededBy: newer.id,
      finishedAt: at(0),
    })
  })

  it("clears an app's queue for a person, and lets a push wait behind that", async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog', 'push')
    const manual = await enqueue(store, 'blog', 'manual')
    const push = await enqueue(store, 'blog', 'push')
    expect((await store.queue()).map(({ id }) => id)).toEqual([manual.id, push.id])

    const retry = await enqueue(store, 'blog', 'retry')

    expect((await store.queue()).map(({ id }) => id)).toEqual([retry.id])
    expect(await store.deployment(manual.id)).toMatchObject({ outcome: 'superseded', supersededBy: retry.id })
    expect(await store.deployment(push.id)).toMatchObject({ outcome: 'superseded', supersededBy: retry.id })
  })

  it('leaves the running one alone when a person or a push asks for more', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog', 'push')
    const { owner } = await claimed(store)
    await enqueue(store, 'blog', 'manual')
    await enqueue(store, 'blog', 'push')

    expect(await store.finish(owner, { outcome: 'succeeded', reason: null, message: null }, at(2))).toMatchObject({
      outcome: 'succeeded',
    })
  })

  it('never gives out an id twice, even of rows that were deleted', async () => {
    const { store, directory } = await openTestStore()
    const { delivery } = await store.accept(arrival({}))
    const raw = openRaw(directory)
    raw.exec('pragma foreign_keys = off; delete from deployments; delete from deliveries')

    const next = await store.accept(arrival({}))

    expect(next.delivery.id).toBeGreaterThan(delivery.id)
    expect(next.deployments[0]?.id).toBe(2)
  })

  it('cancels what is queued, and marks what runs', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await enqueue(store, 'docs')
    await claimed(store)

    expect(await store.cancel(2, at(3))).toBe('cancelled')
    expect(await store.deployment(2)).toMatchObject({ state: 'done', outcome: 'cancelled', finishedAt: at(3) })
    expect(await store.cancel(2, at(4))).toBe('done')
    expect(await store.cancel(1, at(4))).toBe('cancelling')
    expect(await store.deployment(1)).toMatchObject({ state: 'running' })
    expect(await store.cancel(99, at(4))).toBe('not_found')
    expect(await claim(store)).toBeNull()
  })
})

describe('a claim', () => {
  it('starts the foremost deployment and says by which right', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await enqueue(store, 'docs')

    const first = await claimed(store)

    expect(first.owner).toEqual({ id: 1, attempt: 1 })
    expect(first.deployment).toMatchObject({ id: 1, app: 'blog', state: 'running', attempts: 1, startedAt: at(1) })
    expect((await store.queue())[0]).toMatchObject({ id: 1, state: 'running', concurrencyGroup: 'group of blog' })
    expect((await claimed(store)).deployment.app).toBe('docs')
    expect(await claim(store)).toBeNull()
  })

  it.each([
    ['concurrency group', { concurrencyGroup: 'shared' }],
    ['directory', { realPath: '/srv/shared' }],
  ])('passes over what shares its %s with a running one, and takes the next', async (_, shared) => {
    const { store } = await openTestStore()
    for (const app of ['blog', 'docs', 'shop']) await enqueue(store, app)
    const target = (app: string) => ({ ...ownTarget(app), ...(app === 'shop' ? {} : shared) })

    expect((await claim(store, target))?.deployment.app).toBe('blog')
    expect((await claim(store, target))?.deployment.app).toBe('shop')
    expect(await claim(store, target)).toBeNull()
    await store.finish({ id: 1, attempt: 1 }, { outcome: 'succeeded', reason: null, message: null }, at(2))
    expect((await claim(store, target))?.deployment.app).toBe('docs')
  })

  it.each([
    ['inside', { blog: '/srv/blog', docs: '/srv/blog/docs', shop: '/srv/blog-2' }],
    ['around', { blog: '/srv/all/blog', docs: '/srv/all', shop: '/srv/all-2' }],
  ])(
    'does not run a deployment %s the tree of a running one, where a reload has put it',
    async (_, paths: Record<string, string>) => {
      const { store } = await openTestStore()
      for (const app of ['blog', 'docs', 'shop']) await enqueue(store, app)
      const target = (app: string) => ({ ...ownTarget(app), realPath: paths[app] ?? '' })
      await claim(store, target)

      expect((await claim(store, target))?.deployment.app).toBe('shop')
      expect(await claim(store, target)).toBeNull()
      await store.finish({ id: 1, attempt: 1 }, { outcome: 'succeeded', reason: null, message: null }, at(2))
      expect((await claim(store, target))?.deployment.app).toBe('docs')
    },
  )

  it('never runs one app twice, though a reload moved it to another group and directory', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await claimed(store)
    await enqueue(store, 'blog')

    expect(
      await claim(store, () => ({
        concurrencyGroup: 'new',
        realPath: '/new',
        fingerprint: 'new',
        approve: false,
        windows: [],
      })),
    ).toBeNull()
  })

  it('never starts more than may run at once', async () => {
    const { store } = await openTestStore()
    for (const app of ['blog', 'docs', 'shop']) await enqueue(store, app)

    const claims = await Promise.all([1, 2, 3].map(() => claim(store, ownTarget, 2)))

    expect(claims.map((one) => one?.deployment.app ?? null)).toEqual(['blog', 'docs', null])
  })

  it('leaves an app that is not in the map to the reload, and goes on with the next', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'gone')
    await enqueue(store, 'blog')

    expect((await claim(store, (app) => (app === 'gone' ? null : ownTarget(app))))?.deployment.app).toBe('blog')
    expect(await store.deployment(1)).toMatchObject({ state: 'queued', attempts: 0 })
  })

  it('runs everything that was queued, once, whatever the order of the answers', async () => {
    const { store } = await openTestStore()
    for (const app of ['a', 'b', 'c', 'd']) await enqueue(store, app)
    for (const app of ['a', 'b', 'c', 'd']) expect((await runNext(store)).app).toBe(app)

    expect(await claim(store)).toBeNull()
    expect(await store.queue()).toEqual([])
  })
})
