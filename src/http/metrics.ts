import type { RefusalReason } from '../model/delivery.ts'
import type { Deployment } from '../model/deployment.ts'
import type { HttpDeps } from './http-deps.ts'

/** What `GET /metrics` tells. The daemon's own counters begin at 0 with it, those about Node with the first count. */
export type Metrics = {
  delivery(webhook: string, result: string): void
  refusal(webhook: string, reason: RefusalReason): void
  /** A kept delivery was judged again. */
  replay(result: string): void
  /** A deployment is done. */
  deployed(deployment: Deployment): void
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
    delivery: (...counted) => {
      count((metrics) => {
        metrics.delivery(...counted)
      })
    },
    refusal: (...counted) => {
      count((metrics) => {
        metrics.refusal(...counted)
      })
    },
    replay: (...counted) => {
      count((metrics) => {
        metrics.replay(...counted)
      })
    },
    deployed: (...counted) => {
      count((metrics) => {
        metrics.deployed(...counted)
      })
    },
    read: async () => (await loaded()).read(),
  }

  function count(one: (metrics: Metrics) => void): void {
    loaded()
      .then(one)
      .catch((error: unknown) => {
        if (!hasFailed) log.error({ err: error }, 'metrics cannot be loaded, so nothing is counted')
        hasFailed = true
      })
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
