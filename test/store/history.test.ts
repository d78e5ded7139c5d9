import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LedgerBounds } from '../../src/store/prune.ts'
import type { Store } from '../../src/store/store.ts'
import { arrival, at, claimed, enqueue, openRaw, openTestStore, revision, runNext, start } from './support.ts'

const wide: LedgerBounds = {
  bodiesBefore: new Date(0),
  maxBodyBytes: 1e9,
  deliveriesBefore: new Date(0),
  maxDeliveries: 1e6,
  historyBefore: new Date(0),
  maxHistory: 1e6,
}

async function pruneAll(store: Store, bounds: Partial<LedgerBounds>): Promise<number> {
  let all = 0
  for (let batch = -1; batch !== 0; all += batch) batch = await store.prune({ ...wide, ...bounds })
  return all
}

const everything = { historyBefore: at(99) }
const asked = { app: 'blog', ref: 'refs/heads/main', adopt: false, at: at(1) } as const

async function known(store: Store): Promise<readonly number[]> {
  return (await store.deployments({ limit: 500 })).map(({ id }) => id)
}

describe('the history', () => {
  it('keeps what is live of an app and what was before it, however old', async () => {
    const { store } = await openTestStore()
    for (let number = 1; number <= 4; number++) {
      await enqueue(store, 'blog')
      await runNext(store)
    }
    await enqueue(store, 'shop')
    await runNext(store)
    await pruneAll(store, { ...everything, maxHistory: 0 })
    expect(await known(store)).toEqual([5, 4, 3])
    expect(await store.live('blog')).toMatchObject({ deployment: 4 })
  })

  it('keeps what an app is held at, and what it would go back to', async () => {
    const { store } = await openTestStore()
    const [old, good, bad] = [revision('a'), revision('b'), revision('c')]
    await succeed(old)
    await store.hold('blog', { by: null, reason: null, at: at(1) })
    for (const one of [good, good, bad, bad]) await succeed(one)
    await store.enqueue({ ...asked, trigger: 'rollback', requestedRevision: old })
    await runNext(store, 'succeeded', { revision: old })
    expect(await store.rollbackTarget('blog')).toMatchObject({ deployment: 3, revision: good })
    await pruneAll(store, { ...everything, maxHistory: 0 })
    expect(await known(store)).toEqual([6, 5, 3, 1])

    async function succeed(which: typeof old): Promise<void> {
      await enqueue(store, 'blog', 'retry')
      await runNext(store, 'succeeded', { revision: which })
    }
  })

  it('keeps the newest of an app, also when it failed or never started, and what waits or runs', async () => {
    const { store } = await openTestStore()
    for (const outcome of ['succeeded', 'failed', 'failed', 'cancelled'] as const) {
      await enqueue(store, 'blog')
      await runNext(store, outcome)
    }
    await enqueue(store, 'blog')
    await store.cancel(5, at(3))
    await enqueue(store, 'shop')
    await claimed(store)
    await enqueue(store, 'shop')
    await pruneAll(store, { ...everything, maxHistory: 0 })
    expect(await known(store)).toEqual([7, 6, 5, 4, 1])
  })

  it('forgets by age and by number, oldest first, with the steps and the deliveries that asked', async () => {
    const { store, directory } = await openTestStore()
    for (let number = 1; number <= 6; number++) {
      await store.accept(arrival({ providerId: `a-${number}`, body: `${number}` }))
      const { owner } = await claimed(store)
      await store.startStep(owner, { number: 1, phase: 'build', name: 'build', at: start })
      await store.finish(owner, { outcome: 'failed', reason: null, message: null }, at(number))
    }
    expect(await pruneAll(store, {})).toBe(0)
    await pruneAll(store, { maxHistory: 4 })
    expect(await known(store)).toEqual([6, 5, 4, 3])
    await pruneAll(store, { historyBefore: at(5) })
    expect(await known(store)).toEqual([6, 5])
    const raw = openRaw(directory)
    expect(raw.prepare('select distinct deployment from steps').all()).toEqual([{ deployment: 5 }, { deployment: 6 }])
    expect(raw.prepare('select id from deliveries').all()).toEqual([{ id: 5 }, { id: 6 }])
    expect(raw.prepare('select delivery from bodies').all()).toEqual([{ delivery: 5 }, { delivery: 6 }])
  })

  it('forgets a delivery only once nothing names it: a duplicate, a replay, another app', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1', apps: ['blog', 'shop'] }))
    await runNext(store)
    await runNext(store)
    await store.accept(arrival({ providerId: 'a-1', apps: ['blog', 'shop'] }))
    for (let number = 0; number < 2; number++) {
      await enqueue(store, 'blog')
      await runNext(store)
    }
    await pruneAll(store, everything)
    expect(await store.delivery(1), 'shop still has it').not.toBeNull()
    for (let number = 0; number < 2; number++) {
      await enqueue(store, 'shop')
      await runNext(store)
    }
    await pruneAll(store, everything)
    expect(await store.delivery(1), 'its duplicate still names it').not.toBeNull()
    await pruneAll(store, { ...everything, deliveriesBefore: at(99) })
    expect(await store.delivery(1)).toBeNull()
    expect(await store.delivery(2)).toBeNull()
  })

  it('keeps what another was superseded by for as long as that is known', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await enqueue(store, 'blog')
    await runNext(store, 'failed')
    for (let number = 0; number < 2; number++) {
      await enqueue(store, 'blog')
      await runNext(store, 'failed')
    }
    await pruneAll(store, { maxHistory: 1 })
    expect(await known(store)).toEqual([4])
  })

  it('shrinks from 20,000 deployments and deliveries in batches that hold nobody up', async () => {
    const { store, directory } = await openTestStore()
    fill(directory, 20_000)
    const batches: number[] = []
    do batches.push(await store.prune({ ...wide, maxHistory: 18_000 }))
    while (batches.at(-1) !== 0)
    const forgotten = batches.reduce((sum, batch) => sum + batch, 0)
    expect(forgotten).toBeGreaterThan(1_900)
    const [row] = openRaw(directory).prepare('select count(*) as count, min(id) as oldest from deployments').all()
    expect(row?.['count']).toBeLessThanOrEqual(18_000 + 100)
    expect(openRaw(directory).prepare('pragma foreign_key_check').all()).toEqual([])
    expect(await store.live('app-1')).toMatchObject({ deployment: 12 })
    expect(Math.max(...batches)).toBeLessThan(forgotten / 4)
  })
})

describe('the logs', () => {
  it('go by age and by their size together, oldest first, but never those that are still needed', async () => {
    const { store, directory } = await openTestStore()
    for (let number = 1; number <= 6; number++) {
      await enqueue(store, 'blog')
      await runNext(store, number < 3 ? 'succeeded' : 'failed')
      log(directory, number, { days: number })
    }
    expect(await store.pruneLogs({ logsBefore: new Date(0), maxLogBytes: 1000 })).toBe(0)
    expect(await store.pruneLogs({ logsBefore: new Date(3.5 * day), maxLogBytes: 1000 })).toBe(1)
    expect(logsIn(directory)).toEqual([1, 2, 4, 5, 6])
    expect(await store.pruneLogs({ logsBefore: new Date(0), maxLogBytes: 400 })).toBe(1)
    expect(logsIn(directory)).toEqual([1, 2, 5, 6])
    expect(await store.pruneLogs({ logsBefore: new Date(0), maxLogBytes: 0 })).toBe(1)
    expect(logsIn(directory)).toEqual([1, 2, 6])
  })

  it('go with the deployments that are forgotten, and leave other files alone', async () => {
    const { store, directory } = await openTestStore()
    log(directory, 77, { days: 400 })
    writeFileSync(join(directory, 'logs', 'notes.txt'), '')
    expect(await store.pruneLogs({ logsBefore: new Date(0), maxLogBytes: 1e9 })).toBe(1)
    expect(existsSync(join(directory, 'logs', 'notes.txt'))).toBe(true)
  })

  it('stay while they are written, and are read to the end by whoever has begun', async () => {
    const { store, directory } = await openTestStore()
    await enqueue(store, 'blog')
    const { owner } = await claimed(store)
    const sink = await store.openLog(1, [])
    await sink.note('hello')
    expect(await store.pruneLogs({ logsBefore: new Date(8e15), maxLogBytes: 0 })).toBe(0)
    await store.finish(owner, { outcome: 'failed', reason: null, message: null }, at(2))
    for (let number = 0; number < 2; number++) {
      await enqueue(store, 'blog')
      await runNext(store, 'failed')
    }
    expect(await store.pruneLogs({ logsBefore: new Date(8e15), maxLogBytes: 0 }), 'still open').toBe(0)
    await sink.close()

    const reading = await store.readLog(1)
    expect(await store.pruneLogs({ logsBefore: new Date(8e15), maxLogBytes: 0 })).toBe(1)
    expect(logsIn(directory)).toEqual([])
    expect(reading === null ? '' : await text(reading.stream)).toContain('hello')
    expect(await store.readLog(1)).toBeNull()
  })
})

const day = 86_400_000

/** 100 bytes, last written that many days after 1970. */
function log(directory: string, deployment: number, { days }: { readonly days: number }): void {
  mkdirSync(join(directory, 'logs'), { recursive: true })
  const path = join(directory, 'logs', `${deployment}.log`)
  writeFileSync(path, 'x'.repeat(100))
  utimesSync(path, days * 86_400, days * 86_400)
}

function logsIn(directory: string): readonly number[] {
  return Array.from({ length: 99 }, (_, index) => index).filter((id) =>
    existsSync(join(directory, 'logs', `${id}.log`)),
  )
}

/** Ten apps in turn, each of which succeeded twice at first and failed ever since; each push is a delivery of its own. */
function fill(directory: string, count: number): void {
  const raw = openRaw(directory)
  raw.exec(`
    begin;
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
    insert into deliveries (webhook, provider_id, provider, id_is_signed, body_hash, secret, received_at, remote_address,
      headers, result, apps)
    select 'github', 'id-' || i, 'github', 1, randomblob(32), 0, '2026-01-01T00:00:00.000Z', '::1', '{}', 'accepted', '[]' from n;
    insert into deployments (app, trigger, kind, ref, adopt, delivery, place, state, outcome, attempts, queued_at, finished_at)
    select 'app-' || ((id - 1) % 10), 'push', 'automatic', 'refs/heads/main', 0, id, id, 'done',
      iif(id <= 20, 'succeeded', 'failed'), 1, received_at, received_at from deliveries;
    insert into steps (deployment, attempt, number, phase, name, started_at) select id, 1, 1, 'build', 'build', queued_at from deployments;
    commit`)
}
