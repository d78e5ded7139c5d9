import type { Clock } from '../lib/clock.ts'
import { nextOpening } from '../model/gate.ts'
import type { DeployMap } from '../model/deploy-map.ts'
import type { Store } from '../store/store.ts'

/** Wakes the worker when a freeze ends by itself, or a window opens. */
export type Alarm = {
  /** Looks for the next such time, and forgets the one before. */
  set(): Promise<void>
}

export type AlarmDeps = {
  readonly store: Pick<Store, 'queue' | 'gates'>
  readonly map: () => DeployMap
  readonly clock: Clock
  readonly wake: () => void
  readonly signal: AbortSignal
  /** The clock may be set, or the machine sleep: after this time at the latest it is looked at again. */
  readonly longestMs: number
}

export function createAlarm({ store, map, clock, wake, signal, longestMs }: AlarmDeps): Alarm {
  let timer: NodeJS.Timeout | undefined
  signal.addEventListener('abort', () => {
    clearTimeout(timer)
  })

  return {
    async set() {
      const [queue, gates] = await Promise.all([store.queue(), store.gates()])
      const at = clock.now()
      const waiting = queue.filter(({ state }) => state === 'queued')
      const next = nextOpening(waiting, { apps: map().apps, gates, at })
      clearTimeout(timer)
      if (next === null || signal.aborted) return
      timer = setTimeout(wake, Math.min(Math.max(next.getTime() - at.getTime(), 1), longestMs)).unref()
    },
  }
}
