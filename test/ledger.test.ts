import { expect, it, onTestFinished } from 'vitest'
import { createLedger } from '../src/ledger.ts'
import type { LogBounds } from '../src/store/prune-logs.ts'
import type { LedgerBounds } from '../src/store/prune.ts'
import { createMap } from './support/map.ts'
import { until } from './support/until.ts'

const now = new Date('2026-03-01T12:00:00Z')
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const days = (number: number): Date => new Date(now.getTime() - number * 86_400_000)

function createWoken(answers: (number | Error)[], keepDeliveriesMs = 604_800_000, clockJumped = false) {
  const asked: LedgerBounds[] = []
  const logs: LogBounds[] = []
  const told: object[] = []
  const stop = new AbortController()
  onTestFinished(() => {
    stop.abort()
  })
  const map = createMap([])
  const ledger = createLedger({
    store: {
      prune(bounds) {
        asked.push(bounds)
        const answer = answers.shift() ?? 0
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
      },
      pruneLogs(bounds) {
        logs.push(bounds)
        return Promise.resolve(0)
      },
    },
    map: () => ({ ...map, server: { ...map.server, keepDeliveriesMs } }),
    clock: { now: () => now },
    clockJumped: () => clockJumped,
    log: { ...silent, info: (what: object) => void told.push(what) },
    signal: stop.signal,
    retryMs: 1,
  })
  ledger.wake()
  return { ledger, asked, logs, told, stop }
}

it('forgets batch by batch until all is within its bounds, counted from the clock', async () => {
  const { ledger, asked } = createWoken([50, 50, 3])
  await ledger.settled()
  expect(asked).toHaveLength(4)
  expect(asked[0]).toMatchObject({ bodiesBefore: days(7), deliveriesBefore: days(30), historyBefore: days(365) })
})

it('looks at the logs once an hour, and removes what it can do without when room is short', async () => {
  const { ledger, logs } = createWoken([])
  await ledger.settled()
  ledger.wake()
  await ledger.settled()
  expect(logs).toEqual([{ logsBefore: days(90), maxLogBytes: 2 ** 31 }])
  await ledger.makeRoom()
  expect(logs[1]).toEqual({ logsBefore: days(1), maxLogBytes: 64 * 2 ** 20 })
})

it('keeps 16 MiB of bodies when room for deliveries is short, and does without when that needs room itself', async () => {
  const { ledger, asked, told } = createWoken([0, 50, 0, new Error('database or disk is full')])
  await ledger.settled()
  await ledger.makeRoomForDeliveries()
  expect(asked.map(({ maxBodyBytes }) => maxBodyBytes / 2 ** 20)).toEqual([512, 16, 16])
  expect(asked[1]).toMatchObject({ bodiesBefore: days(7), historyBefore: days(365) })
  expect(told).toEqual([{ forgotten: 50 }])
  await ledger.makeRoomForDeliveries()
  expect(asked).toHaveLength(4)
})

it('makes room by size alone while the clock is in doubt', async () => {
  const { ledger, logs } = createWoken([], 0, true)
  await ledger.settled()
  await ledger.makeRoom()
  expect(logs.at(-1)).toEqual({ logsBefore: new Date(0), maxLogBytes: 64 * 2 ** 20 })
})

it.each([
  [0, 0, 30],
  [90, 90, 90],
])('for keep_deliveries: %dd forgets bodies after %d days and rows after %d', async (keep, bodies, rows) => {
  const { ledger, asked } = createWoken([], keep * 86_400_000)
  await ledger.settled()
  expect(asked[0]).toMatchObject({ bodiesBefore: days(bodies), deliveriesBefore: days(rows) })
})

it('tries again when the store is busy', async () => {
  const { asked } = createWoken([new Error('busy'), 1])
  await until('the ledger to try again', () => asked.length === 3)
})

it('ends between two batches when the daemon stops', async () => {
  const endless = Array.from({ length: 1000 }, () => 50)
  const { ledger, asked, stop } = createWoken(endless)
  stop.abort()
  await ledger.settled()
  expect(asked.length).toBeLessThan(4)
})

it('forgets nothing for its age while the clock of the machine is in doubt; count and size still bound it', async () => {
  const { ledger, asked } = createWoken([], undefined, true)
  await ledger.settled()
  expect(asked[0]).toMatchObject({ bodiesBefore: new Date(0), deliveriesBefore: new Date(0) })
  expect(asked[0]?.maxDeliveries).toBeGreaterThan(0)
})
