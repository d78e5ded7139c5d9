import { describe, expect, it } from 'vitest'
import type { Deployment } from '../../src/model/deployment.ts'
import { arrival, at, claimed, enqueue, openTestStore, revision, runNext } from './support.ts'

async function take(changes: AsyncIterable<Deployment>, count: number): Promise<readonly Deployment[]> {
  const taken: Deployment[] = []
  for await (const change of changes) if (taken.push(change) === count) break
  return taken
}

describe('who follows changes', () => {
  it('sees every step of a deployment, from the call on', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'before')
    const changes = store.changes(new AbortController().signal)[Symbol.asyncIterator]()
    const next = async () => (await changes.next()).value as Deployment

    await enqueue(store, 'blog')
    expect(await next()).toMatchObject({ id: 2, state: 'queued' })
    await claimed(store)
    expect(await next()).toMatchObject({ id: 1, state: 'running' })
    await store.setRevision({ id: 1, attempt: 1 }, revision('c'))
    expect(await next()).toMatchObject({ id: 1, revision: revision('c') })
    await store.startStep({ id: 1, attempt: 1 }, { number: 1, phase: 'build', name: 'make', at: at(2) })
    expect((await next()).steps).toHaveLength(1)
    await store.finish({ id: 1, attempt: 1 }, { outcome: 'failed', reason: null, message: null }, at(3))
    expect(await next()).toMatchObject({ id: 1, state: 'done', outcome: 'failed' })
  })

  it('sees what was superseded, recovered and removed as well', async () => {
    const { store } = await openTestStore()
    const changes = store.changes(new AbortController().signal)
    await enqueue(store, 'blog')
    await store.accept(arrival({ apps: ['blog'] }))
    await claimed(store)
    await store.recover({ except: new Set(), onInterrupt: () => 'requeue', maxAttempts: 3, at: at(2) })
    await store.reconcile({ apps: new Map(), at: at(3) })

    const states = (await take(changes, 2)).map(({ id, outcome }) => [id, outcome])

    expect(states).toEqual([
      [1, 'superseded'],
      [2, 'skipped'],
    ])
  })

  it('gets the newest state of each deployment, once, when it was slow', async () => {
    const { store } = await openTestStore()
    const changes = store.changes(new AbortController().signal)
    for (let round = 0; round < 20; round++) {
      await enqueue(store, 'blog')
      await runNext(store)
    }

    const seen = await take(changes, 20)

    expect(seen.map(({ state }) => state)).toEqual(seen.map(() => 'done'))
    expect(new Set(seen.map(({ id }) => id)).size).toBe(20)
  })

  it('is not told of what was not committed', async () => {
    const { store } = await openTestStore()
    const changes = store.changes(new AbortController().signal)
    await enqueue(store, 'blog')
    await store
      .finish({ id: 1, attempt: 1 }, { outcome: 'failed', reason: null, message: null }, at(2))
      .catch(() => undefined)
    await enqueue(store, 'docs')

    expect((await take(changes, 2)).map(({ id }) => id)).toEqual([1, 2])
  })

  it('is let go by its signal, before or during, and by the end of the store', async () => {
    const { store } = await openTestStore()
    const controller = new AbortController()
    const early = take(store.changes(AbortSignal.abort()), 1)
    const waiting = take(store.changes(controller.signal), 1)
    const open = take(store.changes(new AbortController().signal), 1)

    expect(await early).toEqual([])
    controller.abort()
    expect(await waiting).toEqual([])
    await store.close()
    expect(await open).toEqual([])
  })
})
