import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import type { LedgerBounds } from '../../src/store/prune.ts'
import type { Store } from '../../src/store/store.ts'
import { arrival, at, delivery, keeping, openRaw, openTestStore, runNext, start } from './support.ts'

const wide: LedgerBounds = {
  bodiesBefore: new Date(0),
  maxBodyBytes: 1e9,
  deliveriesBefore: new Date(0),
  maxDeliveries: 1000,
  historyBefore: new Date(0),
  maxHistory: 1000,
}

async function pruneAll(store: Store, bounds: Partial<LedgerBounds>): Promise<number> {
  let all = 0
  for (let batch = -1; batch !== 0; all += batch) batch = await store.prune({ ...wide, ...bounds })
  return all
}

/** The deliveries whose body is still there. */
async function kept(store: Store): Promise<readonly number[]> {
  const all = await store.deliveries({ limit: 500 })
  const recalled = await Promise.all(all.map(({ id }) => store.recall(id, start)))
  return recalled.flatMap((one) => (one?.delivery ? [one.record.id] : [])).sort((a, b) => a - b)
}

function ping(store: Store, given: Parameters<typeof delivery>[0] = {}) {
  return store.keep(delivery(given), { ...keeping(), event: 'ping', result: 'ignored', reason: 'ping' })
}

describe('a kept delivery', () => {
  it.each([0, 10, 65_536, 3_000_000])('of %d bytes comes back as it came, but for its time', async (size) => {
    const { store } = await openTestStore()
    const body = randomBytes(size).toString('latin1')
    const headers = { 'content-type': 'application/json', 'x-github-event': 'push' }
    const { delivery: record } = await store.accept(arrival({ body, headers, providerId: 'a-1', idIsSigned: true }))

    const recalled = await store.recall(record.id, at(99))

    expect(recalled?.record).toEqual(record)
    expect(recalled?.delivery).toMatchObject({
      webhook: 'github',
      providerId: 'a-1',
      idIsSigned: true,
      headers,
      receivedAt: at(99),
      remoteAddress: '192.0.2.1',
    })
    expect(recalled?.delivery?.body.equals(Buffer.from(body))).toBe(true)
  })

  it('comes back without a body where none is kept', async () => {
    const { store, directory } = await openTestStore()
    const { delivery: record } = await store.accept({ ...arrival({}), keepsBody: false })

    expect(await store.recall(record.id, start)).toEqual({ record, delivery: null })
    expect(openRaw(directory).prepare('select * from bodies').all()).toEqual([])
  })

  it('is nothing where there never was one', async () => {
    const { store } = await openTestStore()
    expect(await store.recall(7, start)).toBeNull()
  })

  it("does not hold the webhook's secret, which some hosts repeat in the body", async () => {
    const { store } = await openTestStore()
    const secret = new Secret('a-secret-ünder-tests')
    const body = `{"password":"${secret.reveal()}","ref":"refs/heads/main"}`

    await store.accept({ ...arrival({ body }), secret })

    const recalled = await store.recall(1, start)
    expect(recalled?.delivery?.body.toString()).toBe('{"password":"[secret]","ref":"refs/heads/main"}')
  })

  it.each([
    ['{"sign":"gGf=","ref":"refs/heads/größe"}', '{"sign":"[secret]","ref":"refs/heads/größe"}'],
    ['{"a":{"sign" : "g\\"f"},"sign":""}', '{"a":{"sign" : "[secret]"},"sign":"[secret]"}'],
    ['{"message":"\\"sign\\":\\"x\\"","design":"x"}', '{"message":"\\"sign\\":\\"x\\"","design":"x"}'],
    ['{"sign":"cut', '{"sign":"[secret]'],
  ])('does not hold what proves something in %s', async (body, kept) => {
    const { store } = await openTestStore()
    await store.accept({ ...arrival({ body }), proofsInBody: ['sign'] })

    expect((await store.recall(1, start))?.delivery?.body.toString()).toBe(kept)
  })
})

describe('a replay', () => {
  it('is a delivery of its own that names the one that came, and is no duplicate', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1', body: 'same' }))
    await runNext(store)

    const replay = await store.accept({
      ...arrival({ providerId: 'a-1', body: 'same' }),
      replayOf: 1,
      keepsBody: false,
    })

    expect(replay).toMatchObject({ result: 'accepted', delivery: { id: 2, replayOf: 1, duplicateOf: 1 } })
    expect(replay.deployments).toMatchObject([{ trigger: 'replay', delivery: 2 }])
    expect(await store.recall(2, start)).toMatchObject({ record: { id: 1 }, delivery: { providerId: 'a-1' } })
  })

  it('of one that was ignored is the original from then on: the host that sends it again changes nothing', async () => {
    const { store } = await openTestStore()
    await store.accept({ ...arrival({ providerId: 'a-1', body: 'same', apps: [] }), reason: 'no_app' })
    await store.accept({ ...arrival({ providerId: 'a-1', body: 'same' }), replayOf: 1 })

    expect(await store.accept(arrival({ providerId: 'a-1', body: 'same' }))).toMatchObject({
      result: 'duplicate',
      delivery: { duplicateOf: 2, replayOf: null },
    })
  })
})

describe('the ledger', () => {
  it('keeps everything while it is within its bounds', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({}))
    await ping(store)

    expect(await pruneAll(store, {})).toBe(0)
    expect(await kept(store)).toEqual([1, 2])
  })

  it('forgets bodies that are too old, and keeps what is known of the deliveries', async () => {
    const { store } = await openTestStore()
    const first = await store.accept(arrival({}))
    await store.accept({ ...arrival({}), delivery: { ...delivery({}), receivedAt: at(10) } })

    expect(await pruneAll(store, { bodiesBefore: at(5) })).toBe(1)
    expect(await kept(store)).toEqual([2])
    expect(await store.delivery(1)).toEqual(first.delivery)
  })

  it('forgets the oldest bodies when all of them are too large', async () => {
    const { store } = await openTestStore()
    for (let number = 0; number < 5; number++) await store.accept(arrival({ body: randomBytes(1000).toString('hex') }))

    await pruneAll(store, { maxBodyBytes: 2500 })

    expect(await kept(store)).toEqual([4, 5])
  })

  it('forgets in small batches, so that no delivery waits for it', async () => {
    const { store } = await openTestStore()
    await Promise.all(Array.from({ length: 120 }, () => store.accept(arrival({}))))
    const bounds = { ...wide, bodiesBefore: at(1) }

    expect([await store.prune(bounds), await store.prune(bounds), await store.prune(bounds)]).toEqual([50, 50, 20])
    expect(await store.prune(bounds)).toBe(0)
  })

  it('forgets rows that made no deployment by age and by number, oldest first, with their bodies', async () => {
    const { store, directory } = await openTestStore()
    for (let number = 0; number < 6; number++) await ping(store)
    await store.keep(
      { ...delivery({}), receivedAt: at(10) },
      { ...keeping(), event: 'ping', result: 'ignored', reason: 'ping' },
    )

    await pruneAll(store, { maxDeliveries: 3 })
    expect((await store.deliveries({ limit: 9 })).map(({ id }) => id)).toEqual([7, 6, 5])
    await pruneAll(store, { deliveriesBefore: at(5) })
    expect((await store.deliveries({ limit: 9 })).map(({ id }) => id)).toEqual([7])
    expect(openRaw(directory).prepare('select delivery from bodies').all()).toEqual([{ delivery: 7 }])
  })

  it('keeps the rows that a deployment, a duplicate or a replay names', async () => {
    const { store } = await openTestStore()
    await store.accept(arrival({ providerId: 'a-1' }))
    await store.accept({ ...arrival({ providerId: 'a-2', apps: [] }), reason: 'no_app' })
    await store.accept({ ...arrival({ providerId: 'a-2' }), replayOf: 2 })
    await store.accept(arrival({ providerId: 'a-1' }))

    await pruneAll(store, { deliveriesBefore: at(99), maxDeliveries: 0 })

    expect((await store.deliveries({ limit: 9 })).map(({ id, result }) => [id, result])).toEqual([
      [3, 'accepted'],
      [2, 'ignored'],
      [1, 'accepted'],
    ])
  })

  it('never gives the number of a forgotten delivery to another', async () => {
    const { store } = await openTestStore()
    await ping(store)
    await pruneAll(store, { maxDeliveries: 0 })

    expect((await ping(store)).id).toBe(2)
  })
})

describe('the last use of a secret', () => {
  const [old, young] = [new Secret('the-old-secret-0123456789'), new Secret('the-new-secret-0123456789')]

  it('goes with the secret and not with its place, and outlives the daemon', async () => {
    const { store, directory } = await openTestStore()
    await store.accept({ ...arrival({}), secret: old })
    expect(await store.secretUses('github', [old])).toEqual([start])
    await store.close()

    const { store: again } = await openTestStore(directory)
    expect(await again.secretUses('github', [young, old])).toEqual([null, start])
    expect(await again.secretUses('other', [young, old])).toEqual([null, null])
  })

  it('is that of the newest delivery, wanted or not, and never of a replay', async () => {
    const { store } = await openTestStore()
    const later = { ...delivery({}), receivedAt: at(20) }
    await store.keep(later, { ...keeping(), secret: young, event: 'ping', result: 'ignored', reason: 'ping' })
    await store.accept({ ...arrival({}), secret: young })
    await store.accept({ ...arrival({}), secret: null, replayOf: 1 })

    expect(await store.secretUses('github', [young, old])).toEqual([at(20), null])
  })

  it('is kept without a trace of the secret', async () => {
    const { store, directory } = await openTestStore()
    await store.accept({ ...arrival({}), secret: old })

    const [row] = openRaw(directory).prepare('select secret from secret_uses').all()
    expect(row?.['secret']).toMatch(/^[0-9a-f]{16}$/)
    const { store: other } = await openTestStore()
    await other.accept({ ...arrival({}), secret: old })
    expect(other.stateId).not.toBe(store.stateId)
  })
})
