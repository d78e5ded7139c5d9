import type { Clock } from './lib/clock.ts'
import type { Log } from './lib/log.ts'
import { createWakeLoop, type WakeLoop } from './lib/wake-loop.ts'
import type { DeployMap } from './model/deploy-map.ts'
import type { LogBounds } from './store/prune-logs.ts'
import type { LedgerBounds } from './store/prune.ts'
import type { Store } from './store/store.ts'

export type LedgerDeps = {
  readonly store: Pick<Store, 'prune' | 'pruneLogs'>
  readonly map: () => DeployMap
  readonly clock: Clock
  /** Nothing is forgotten for its age while the clock is in doubt; count and size still bound it. */
  readonly clockJumped: () => boolean
  readonly log: Log
  /** Ends it between two batches. */
  readonly signal: AbortSignal
  readonly retryMs: number
}

export type Ledger = WakeLoop & {
  /** Removes all logs that the daemon can do without, for want of room on some disk. What cannot be removed is logged. */
  makeRoom(): Promise<void>
  /**
   * Forgets bodies of deliveries, for want of room on the disk of the database. That does not shrink; but the next
   * deliveries are then kept where those were.
   */
  makeRoomForDeliveries(): Promise<void>
}

/**
 * Keeps the ledger of deliveries and deployments, and their logs, within its bounds: woken now and then, it forgets the
 * oldest, a small batch at a time, each in a transaction that deliveries which arrive meanwhile share.
 */
export function createLedger({ store, map, clock, clockJumped, log, signal, retryMs }: LedgerDeps): Ledger {
  let logsAt = -Infinity
  const loop = createWakeLoop(prune, {
    signal,
    retryMs,
    onError: (error) => {
      log.error({ err: error }, 'old deliveries and deployments cannot be forgotten; trying again')
    },
  })
  return {
    ...loop,
    makeRoom: () =>
      attempt('logs', () => pruneLogs({ logsBefore: before(now() - leastLogsMs), maxLogBytes: leastLogBytes })),
    makeRoomForDeliveries: () =>
      attempt('bodies of deliveries', async () => {
        const forgotten = await forget({ maxBodyBytes: leastBodyBytes })
        if (forgotten > 0) log.info({ forgotten }, 'bodies of deliveries forgotten for want of room on the disk')
      }),
  }

  /** It may want room itself. */
  async function attempt(what: string, remove: () => Promise<void>): Promise<void> {
    try {
      await remove()
    } catch (error) {
      log.warn({ err: error }, `${what} cannot be removed to make room on the disk`)
    }
  }

  async function prune(): Promise<void> {
    const forgotten = await forget({ maxBodyBytes: mostBodyBytes })
    if (forgotten > 0) log.debug({ forgotten }, 'old deliveries and deployments forgotten')
    // Looking at every file is for now and then.
    if (forgotten === 0 && performance.now() - logsAt < logsEveryMs) return
    logsAt = performance.now()
    const { keepLogsMs, maxLogBytes } = map().server
    if (!signal.aborted) await pruneLogs({ logsBefore: before(now() - keepLogsMs), maxLogBytes })
  }

  /** Forgets all of the ledger that is beyond its bounds. Answers how much it was. */
  async function forget({ maxBodyBytes }: Pick<LedgerBounds, 'maxBodyBytes'>): Promise<number> {
    const { keepDeliveriesMs, keepHistoryMs, maxHistory } = map().server
    const bounds = {
      maxBodyBytes,
      bodiesBefore: before(now() - keepDeliveriesMs),
      deliveriesBefore: before(now() - Math.max(keepDeliveriesMs, keepRowsMs)),
      maxDeliveries,
      historyBefore: before(now() - keepHistoryMs),
      maxHistory,
    }
    let forgotten = 0
    for (let batch = await store.prune(bounds); batch > 0; batch = await store.prune(bounds)) {
      forgotten += batch
      if (signal.aborted) break
    }
    return forgotten
  }

  function now(): number {
    return clockJumped() ? Number.NEGATIVE_INFINITY : clock.now().getTime()
  }

  async function pruneLogs(bounds: LogBounds): Promise<void> {
    const removed = await store.pruneLogs(bounds)
    if (removed > 0) log.info({ removed }, 'old logs of deployments removed')
  }
}

/** A clock in doubt says minus infinity: then nothing is older. */
function before(ms: number): Date {
  return new Date(Math.max(0, ms))
}

/** Of all bodies together, compressed. A push is some kilobytes, so this is for whoever is sent 26 MB over and over. */
const mostBodyBytes = 512 * 1024 * 1024

/** Of the rows that made no deployment: an organisation's webhook may bring thousands of events a day. */
const keepRowsMs = 30 * 86_400_000
const maxDeliveries = 20_000

const logsEveryMs = 3_600_000

/** What is left of logs and bodies when room is short. */
const leastLogsMs = 86_400_000
const leastLogBytes = 64 * 1024 * 1024
const leastBodyBytes = 16 * 1024 * 1024
