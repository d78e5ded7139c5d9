import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { createMask } from '../lib/masker.ts'
import { followLines, openIfThere, type Bell, type Shared } from './log-follow.ts'
import { createSink } from './log-sink.ts'
import { pruneLogs, type LogBounds, type PruneLogs } from './prune-logs.ts'
import type { LogSink, Store } from './store.ts'

export type Logs = Pick<Store, 'openLog' | 'readLog' | 'followLog'> & {
  /** Something about these deployments changed: whoever follows their logs looks again. */
  wake(deployments: Iterable<number>): void
  prune(bounds: LogBounds): Promise<number>
  /** Ends every follower. */
  close(): void
}

export type LogsOptions = Omit<PruneLogs, 'directory'> & {
  readonly directory: string
  readonly clock: Clock
  readonly log: Log
  /** Whether a deployment is done, or was never there. */
  readonly isDone: (deployment: number) => boolean
}

/** Per attempt: the first 16 MiB and the last MiB of output. */
const limits = { head: 16 * 1024 * 1024, tail: 1024 * 1024 }

/** The log files, `<directory>/<deployment>.log`, and whoever follows them. */
export function createLogs({ directory, clock, log, isDone, isKnown, isNeeded }: LogsOptions): Logs {
  const openSinks = new Map<number, number>()
  const bells = new Map<number, Set<Alarm>>()
  const chunks = new Map<number, Shared['chunks']>()
  let isClosed = false

  return {
    openLog(deployment, secrets) {
      count(deployment, 1)
      const sink = createSink({
        path: pathOf(deployment),
        mask: createMask(secrets),
        now: () => clock.now(),
        log,
        limits,
        onWritten: () => {
          ring(deployment)
        },
      })
      return Promise.resolve({ ...sink, close: once(() => closed(deployment, sink)) })
    },
    async readLog(deployment, offset = 0) {
      const path = pathOf(deployment)
      const file = await openIfThere(path) // at once, so that it is not removed between two looks
      if (file === null) return null
      const { size } = await file.stat()
      if (offset < size) return { size, stream: file.createReadStream({ start: offset, end: size - 1 }) }
      await file.close()
      return { size, stream: Readable.from([]) }
    },
    async *followLog(deployment, offset, signal) {
      const alarm = createAlarm(signal)
      const alarms = bells.get(deployment) ?? new Set()
      bells.set(deployment, alarms.add(alarm))
      const own: Shared['chunks'] = chunks.get(deployment) ?? new Map<never, never>()
      chunks.set(deployment, own)
      if (isClosed) alarm.end()
      try {
        yield* followLines({
          path: pathOf(deployment),
          offset,
          bell: alarm,
          shared: { chunks: own, followers: () => alarms.size },
          isOver: () => !openSinks.has(deployment) && isDone(deployment),
        })
      } finally {
        alarms.delete(alarm)
        if (alarms.size === 0 && bells.get(deployment) === alarms) {
          bells.delete(deployment)
          chunks.delete(deployment)
        }
      }
    },
    prune: (bounds) =>
      pruneLogs(bounds, {
        directory,
        isKnown,
        isNeeded: (deployment) => openSinks.has(deployment) || isNeeded(deployment),
      }),
    wake(deployments) {
      for (const deployment of deployments) ring(deployment)
    },
    close() {
      isClosed = true
      for (const alarms of bells.values()) for (const alarm of alarms) alarm.end()
    },
  }

  function pathOf(deployment: number): string {
    return join(directory, `${deployment}.log`)
  }

  async function closed(deployment: number, sink: LogSink): Promise<void> {
    await sink.close()
    count(deployment, -1)
    ring(deployment)
  }

  function count(deployment: number, change: 1 | -1): void {
    const sinks = (openSinks.get(deployment) ?? 0) + change
    if (sinks > 0) openSinks.set(deployment, sinks)
    else openSinks.delete(deployment)
  }

  function ring(deployment: number): void {
    for (const alarm of bells.get(deployment) ?? []) alarm.ring()
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null
  return () => (done ??= work())
}

type Alarm = Bell & { ring(): void; end(): void }

/** A ring that nobody waits for is kept for the next who does. */
function createAlarm(signal: AbortSignal): Alarm {
  let hasEnded = signal.aborted
  let rung = Promise.withResolvers<undefined>()
  const end = () => {
    hasEnded = true
    rung.resolve(undefined)
  }
  signal.addEventListener('abort', end, { once: true })
  return {
    get hasEnded() {
      return hasEnded
    },
    async next() {
      await rung.promise
      rung = Promise.withResolvers()
      if (hasEnded) rung.resolve(undefined)
    },
    ring() {
      rung.resolve(undefined)
    },
    end,
  }
}
