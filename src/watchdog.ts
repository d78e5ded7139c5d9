import type { Log } from './lib/log.ts'
import type { Notifier } from './lib/systemd.ts'
import type { Store } from './store/store.ts'

export type Watchdog = {
  /** Nothing has moved for longer than a proof may take. */
  readonly isStuck: () => boolean
  readonly stop: () => void
}

export type WatchdogDeps = {
  readonly store: Pick<Store, 'ping'>
  /** Resolves when it has looked at the queue. */
  readonly worker: { look(): Promise<void> }
  readonly notifier: Pick<Notifier, 'alive'>
  /** Resolves when a file has been looked at. */
  readonly lookAtFile: () => Promise<unknown>
  readonly log: Pick<Log, 'warn' | 'error'>
  /** Between two proofs. */
  readonly everyMs: number
}

/**
 * Proves again and again that the daemon gets on: its event loop turns, the database has answered to a write, the worker
 * has looked at the queue, and a file can be looked at (Node has four threads for all of them). Only then is systemd told so; left untold, it kills the daemon and starts it anew.
 * A store that answers with an error (a full disk) is alive, though not ready: starting again would not free the disk.
 */
export function startWatchdog({ store, worker, notifier, lookAtFile, log, everyMs }: WatchdogDeps): Watchdog {
  let proof: Promise<void> | null = null
  let isLate = false
  let canWrite = true
  const timer = setInterval(look, everyMs).unref()

  return {
    isStuck: () => isLate,
    stop() {
      clearInterval(timer)
    },
  }

  function look(): void {
    if (proof !== null) {
      if (!isLate)
        log.error(
          { everyMs },
          'no progress: the store or the worker does not answer; systemd is not told that all is well',
        )
      isLate = true
      return
    }
    proof = prove().finally(() => {
      proof = null
      isLate = false
    })
  }

  async function prove(): Promise<void> {
    await Promise.all([write(), worker.look(), lookAtFile()])
    await notifier.alive()
  }

  async function write(): Promise<void> {
    try {
      await store.ping()
      if (!canWrite) log.warn({}, 'the store can be written to again')
      canWrite = true
    } catch (error) {
      if (canWrite) log.error({ err: error }, 'the store cannot be written to')
      canWrite = false
    }
  }
}
