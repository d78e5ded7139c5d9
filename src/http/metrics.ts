import type { RefusalReason } from '../model/delivery.ts'
import type { Deployment } from '../model/deployment.ts'
import type { HttpDeps } from './http-deps.ts'

/** What is counted, each with what is told of it. */
type Counts = {
  readonly delivery: readonly [webhook: string, result: string]
  readonly unkept: readonly [webhook: string]
  readonly refusal: readonly [webhook: string, reason: RefusalReason]
  /** A kept delivery was judged again. */
  readonly replay: readonly [result: string]
  /** A deployment is done. */
  readonly deployed: readonly [deployment: Deployment]
}

type Counters = { readonly [Name in keyof Counts]: (...told: Counts[Name]) => void }

/** What `GET /metrics` tells. The daemon's own counters begin at 0 with it, those about Node with the first count. */
export type Metrics = Counters & {
  read(): Promise<{ readonly contentType: string; readonly text: string }>
}

export type Measured = Pick<HttpDeps, 'store' | 'map' | 'config' | 'catchUp' | 'diskProblems' | 'clock'>

/**
 * Metrics that are loaded when there is first something to count, or somebody asks: prom-client takes a while to load,
 * which no start need wait for, and its look at the event loop wakes the daemon ten times a second.
 */
export function createMetrics({ log, ...measured }: Measured & Pick<HttpDeps, 'log'>): Metrics {
  let loading: Promise<Metrics> | null = null
  let hasFailed = false

  return {
    delivery: count('delivery'),
    unkept: count('unkept'),
    refusal: count('refusal'),
    replay: count('replay'),
    deployed: count('deployed'),
    read: async () => (await loaded()).read(),
  }

  function count<Name extends keyof Counts>(name: Name): (...told: Counts[Name]) => void {
    return (...told) => {
      loaded()
        .then((counters: Counters) => {
          counters[name](...told)
        })
        .catch((error: unknown) => {
          if (!hasFailed) log.error({ err: error }, 'metrics cannot be loaded, so nothing is counted')
          hasFailed = true
        })
    }
  }

  /** Where a file could not be opened, the next may be luckier. */
  function loaded(): Promise<Metrics> {
    loading ??= load().catch((error: unknown) => {
      loading = null
      throw error
    })
    return loading
  }

  async function load(): Promise<Metrics> {
    const { createPrometheus } = await import('./prometheus.ts')
    return createPrometheus(measured)
  }
}
