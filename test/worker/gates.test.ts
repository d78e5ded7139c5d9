import { describe, expect, it, onTestFinished } from 'vitest'
import type { App } from '../../src/model/deploy-map.ts'
import type { Deployment } from '../../src/model/deployment.ts'
import type { Revision } from '../../src/model/revision.ts'
import type { Runner, Target } from '../../src/runner/runner.ts'
import type { Enqueue, Store } from '../../src/store/store.ts'
import { createWorker } from '../../src/worker.ts'
import { enqueue, openTestStore, silentLog } from '../store/support.ts'
import { createApp, createMap, revision } from '../support/map.ts'

const by = { by: null, reason: null, at: new Date() }
const [a, b, c] = [revision('a'), revision('b'), revision('c')]

describe('the worker', () => {
  it.each([
    ['when the freeze is over by itself', { lastsMs: 20, alarmMs: 60_000 }],
    ['when a setting of the clock has brought that time', { lastsMs: 3_600_000, alarmMs: 20 }],
  ])('starts what a freeze kept back %s', async (_when, { lastsMs, alarmMs }) => {
    let now = new Date('2026-11-24T12:00:00Z')
    const until = new Date(now.getTime() + lastsMs)
    const { store, worker, ended } = await world({ clock: { now: () => now }, alarmMs })
    await store.freeze('blog', { ...by, until })
    await enqueue(store, 'blog')
    await worker.look()
    expect(await store.deployment(1)).toMatchObject({ state: 'queued' })
    now = until
    expect(await ended()).toMatchObject({ id: 1, startedAt: until })
  })

  it('starts what was held as soon as it is not any more', async () => {
    const { store, worker, ended } = await world()
    await store.hold('blog', by)
    const { id } = await enqueue(store, 'blog')
    await worker.look()
    await store.unhold('blog')
    expect(await ended()).toMatchObject({ id, outcome: 'succeeded' })
  })

  it('leaves a commit that was rolled back at that, until somebody means it', async () => {
    const { store, ended, tip } = await world()
    tip.set(a)
    await enqueue(store, 'blog')
    expect((await ended()).outcome).toBe('succeeded')
    tip.set(b)
    tip.ends('rolled_back')
    await enqueue(store, 'blog')
    expect((await ended()).outcome).toBe('rolled_back')
    tip.ends('succeeded')
    for (const trigger of ['push', 'catch-up', 'manual'] as const) {
      await enqueue(store, 'blog', trigger)
      expect(await ended()).toMatchObject({ outcome: 'skipped', reason: 'quarantined' })
    }
    await store.enqueue({ ...asked, trigger: 'manual', forced: true })
    expect((await ended()).outcome).toBe('succeeded')
    await enqueue(store, 'blog')
    expect(await ended()).toMatchObject({ outcome: 'skipped', reason: 'already_live' })
  })

  it('goes back to the release that was named, and to nothing else', async () => {
    const { store, ended, targets } = await world({ app: { strategy: 'releases' } })
    await store.enqueue({ ...asked, trigger: 'rollback', requestedRevision: c, release: 'r1' })
    expect((await ended()).outcome).toBe('succeeded')
    expect(targets).toEqual([{ kind: 'release', name: 'r1' }])
  })
})

const asked: Enqueue = {
  ...{ app: 'blog', trigger: 'manual', ref: 'refs/heads/main', requestedRevision: null, adopt: false, at: new Date() },
}

type Setting = {
  readonly app?: Partial<Omit<App, 'repo' | 'name'>>
  readonly clock?: { now(): Date }
  readonly alarmMs?: number
}

/** A worker over a real store; the machine does what it is told. */
async function world({ app, clock = { now: () => new Date() }, alarmMs = 60_000 }: Setting = {}) {
  const { store } = await openTestStore()
  const told = { tip: a, outcome: 'succeeded' as 'succeeded' | 'rolled_back' }
  const targets: (Target | null)[] = []
  const deploy: Runner['deploy'] = async ({ skip, target }, progress) => {
    targets.push(target)
    await progress.revision(told.tip)
    const reason = await skip(told.tip, {
      isThere: () => true,
      changedSince: () => Promise.resolve(null),
      message: () => Promise.resolve(null),
    })
    return reason === null ? { outcome: told.outcome, reason: null, message: null } : { outcome: 'skipped', ...reason }
  }
  const worker = createWorker({
    ...{ store, clock, alarmMs, log: silentLog, failPoint: () => undefined, retryMs: 1_000 },
    runner: { deploy, rename: () => Promise.resolve(), forget: () => Promise.resolve() },
    map: () => createMap([createApp('blog', app)]),
    realPath: (path) => path,
  })
  const stop = new AbortController()
  const changes = store.changes(stop.signal)[Symbol.asyncIterator]()
  worker.start()
  onTestFinished(async () => {
    await worker.drain(0)
    stop.abort()
  })
  return {
    ...{ store, worker, targets },
    ended: () => nextEnd(changes),
    tip: {
      set: (tip: Revision) => void (told.tip = tip),
      ends: (outcome: typeof told.outcome) => void (told.outcome = outcome),
    },
  }
}

async function nextEnd(changes: AsyncIterator<Deployment>): Promise<Deployment> {
  for (;;) {
    const { value } = (await changes.next()) as { readonly value: Awaited<ReturnType<Store['deployment']>> | undefined }
    if (value == null) throw new Error('the store was closed')
    if (value.state === 'done') return value
  }
}
