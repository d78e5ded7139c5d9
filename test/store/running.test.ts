import { describe, expect, it } from 'vitest'
import { NotOwner } from '../../src/store/index.ts'
import type { Store } from '../../src/store/store.ts'
import { at, claim, claimed, enqueue, openTestStore, revision } from './support.ts'

const succeeded = { outcome: 'succeeded', reason: null, message: null } as const

describe('a running deployment', () => {
  it('records its commit, its steps and how it ended', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    const { owner } = await claimed(store)
    await store.setRevision(owner, revision('c'))
    await store.startStep(owner, { number: 1, phase: 'build', name: 'npm ci', at: at(2) })
    await store.finishStep(owner, { number: 1, exitCode: 0, signal: null, at: at(3) })
    await store.startStep(owner, { number: 2, phase: 'build', name: 'npm test', at: at(3) })
    await store.finishStep(owner, { number: 2, exitCode: null, signal: 'SIGSEGV', at: at(4) })

    const done = await store.finish(
      owner,
      { outcome: 'failed', reason: 'step_failed', message: 'x'.repeat(9999) },
      at(5),
    )

    expect(done).toMatchObject({
      state: 'done',
      outcome: 'failed',
      reason: 'step_failed',
      revision: revision('c'),
      finishedAt: at(5),
    })
    expect(done.message).toHaveLength(2000)
    expect(done.steps).toEqual([
      {
        number: 1,
        phase: 'build',
        name: 'npm ci',
        attempt: 1,
        exitCode: 0,
        signal: null,
        startedAt: at(2),
        finishedAt: at(3),
      },
      {
        number: 2,
        phase: 'build',
        name: 'npm test',
        attempt: 1,
        exitCode: null,
        signal: 'SIGSEGV',
        startedAt: at(3),
        finishedAt: at(4),
      },
    ])
    expect(await store.deployment(1)).toEqual(done)
  })

  it.each<[string, (store: Store, owner: { id: number; attempt: number }) => Promise<unknown>]>([
    ['finish', (store, owner) => store.finish(owner, succeeded, at(9))],
    ['requeue', (store, owner) => store.requeue(owner, at(9))],
    ['setRevision', (store, owner) => store.setRevision(owner, revision('d'))],
    ['startStep', (store, owner) => store.startStep(owner, { number: 1, phase: 'build', name: 'x', at: at(9) })],
    ['finishStep', (store, owner) => store.finishStep(owner, { number: 1, exitCode: 0, signal: null, at: at(9) })],
  ])('lets nobody but its owner %s', async (_, write) => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    const first = await claimed(store)
    await store.requeue(first.owner, at(2))
    const second = await claimed(store)
    await store.startStep(second.owner, { number: 1, phase: 'build', name: 'npm ci', at: at(3) })
    const before = await store.deployment(1)

    await expect(write(store, first.owner)).rejects.toThrow(NotOwner)
    expect(await store.deployment(1)).toEqual(before)
    await store.finish(second.owner, succeeded, at(4))
    await expect(write(store, second.owner)).rejects.toThrow(NotOwner)
  })

  it('cannot finish a step that it never started', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    const { owner } = await claimed(store)

    await expect(store.finishStep(owner, { number: 7, exitCode: 0, signal: null, at: at(2) })).rejects.toThrow(
      'never started',
    )
  })
})

describe('a deployment that a shutdown interrupts', () => {
  it('is queued again at its place, and its next attempt has steps of its own', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    const { owner } = await claimed(store)
    await enqueue(store, 'docs')
    await store.setRevision(owner, revision('c'))
    await store.startStep(owner, { number: 1, phase: 'build', name: 'npm ci', at: at(2) })

    expect(await store.requeue(owner, at(3))).toMatchObject({
      state: 'queued',
      attempts: 1,
      revision: null,
      startedAt: null,
    })
    const again = await claimed(store)
    await store.startStep(again.owner, { number: 1, phase: 'build', name: 'npm ci', at: at(4) })

    expect(again.owner).toEqual({ id: 1, attempt: 2 })
    expect(again.deployment.message).toBeNull()
    expect((await store.deployment(1))?.steps.map(({ attempt, number }) => [attempt, number])).toEqual([
      [1, 1],
      [2, 1],
    ])
  })

  it('gives way to a newer one that is queued', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    const { owner } = await claimed(store)
    const newer = await enqueue(store, 'blog')

    expect(await store.requeue(owner, at(3))).toMatchObject({
      state: 'done',
      outcome: 'superseded',
      supersededBy: newer.id,
    })
    expect((await store.queue()).map(({ id }) => id)).toEqual([newer.id])
  })

  it('is not run again by the next start when its cancelling was answered, though the daemon was killed', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await claimed(store)
    expect(await store.cancel(1, at(2))).toBe('cancelling')

    const [recovered] = await store.recover({
      except: new Set(),
      onInterrupt: () => 'requeue',
      maxAttempts: 2,
      at: at(4),
    })

    expect(recovered).toMatchObject({ state: 'done', outcome: 'cancelled', finishedAt: at(4) })
    expect(await store.queue()).toEqual([])
  })

  it('is not queued again when its cancelling was answered', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    const { owner } = await claimed(store)
    await store.cancel(1, at(2))

    expect(await store.requeue(owner, at(3))).toMatchObject({ state: 'done', outcome: 'cancelled' })
  })

  it('is not counted as a death of the daemon, however often', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    for (let shutdown = 0; shutdown < 5; shutdown++) await store.requeue((await claimed(store)).owner, at(3))
    await claimed(store)

    const [recovered] = await store.recover({
      except: new Set(),
      onInterrupt: () => 'requeue',
      maxAttempts: 2,
      at: at(4),
    })

    expect(recovered).toMatchObject({ state: 'queued', attempts: 6 })
  })
})

describe('after the death of the daemon', () => {
  it('every running row is settled by the rules of the queue', async () => {
    const { store } = await openTestStore()
    for (const app of ['plain', 'busy', 'stopping', 'gone']) await enqueue(store, app)
    for (let claims = 0; claims < 4; claims++) await claimed(store)
    await enqueue(store, 'busy')

    const settled = await store.recover({
      except: new Set(),
      onInterrupt: (app) => (app === 'stopping' ? 'stop' : app === 'gone' ? 'gone' : 'requeue'),
      maxAttempts: 3,
      at: at(5),
    })

    expect(
      settled.map(({ app, state, outcome, reason, supersededBy }) => [app, state, outcome, reason, supersededBy]),
    ).toEqual([
      ['plain', 'queued', null, null, null],
      ['busy', 'done', 'superseded', null, 5],
      ['stopping', 'done', 'interrupted', 'on_interrupt', null],
      ['gone', 'done', 'interrupted', 'app_removed', null],
    ])
    expect(await store.deployments({ limit: 9, state: 'running' })).toEqual([])
    expect((await store.queue()).map(({ id }) => id)).toEqual([1, 5])
  })

  it('one that it died in too often is not started again, and says so', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await enqueue(store, 'docs')
    const recover = () => store.recover({ except: new Set(), onInterrupt: () => 'requeue', maxAttempts: 3, at: at(5) })
    const onlyBlog = (app: string) =>
      app === 'blog' ? { concurrencyGroup: 'g', realPath: '/p', fingerprint: 'f', approve: false, windows: [] } : null

    const outcomes = []
    for (let deaths = 0; deaths < 3; deaths++) {
      await claim(store, onlyBlog)
      outcomes.push((await recover())[0]?.reason ?? null)
    }

    expect(outcomes).toEqual([null, null, 'poison'])
    expect((await store.deployment(1))?.message).toMatch(
      /died 3 times .* parked as poison .*\(server\.max_attempts: 3\)/,
    )
    expect((await claimed(store)).deployment.app).toBe('docs')
  })

  it('with nothing left running there is nothing to do', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')

    expect(await store.recover({ except: new Set(), onInterrupt: () => 'requeue', maxAttempts: 3, at: at(5) })).toEqual(
      [],
    )
  })
})
