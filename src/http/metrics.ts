import type { RefusalReason } from '../model/delivery.ts'
import type { Deployment } from '../model/deployment.ts'
import type { HttpDeps } from './http-deps.ts'

/** What `GET /metrics` tells. Counters begin at 0 with the daemon. */
export type Metrics = {
  delivery(webhook: string, result: string): void
  refusal(webhook: string, reason: RefusalReason): void
  /** A kept delivery was judged again. */
  replay(result: string): void
  /** A deployment is done. */
  deployed(deployment: Deployment): void
  read(): Promise<{ readonly contentType: string; readonly text: string }>
}

export type Measured = Pick<HttpDeps, 'store' | 'map' | 'config' | 'catchUp' | 'clock' | 'log'>

/**
 * Made when there first is something to count or somebody asks: prom-client takes a while to load, which no start need
 * wait for, and its look at the event loop wakes the daemon ten times a second.
 */
export function createMetrics(deps: Measured): Metrics {
  let making: Promise<Metrics> | null = null

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
    read: async () => (await made()).read(),
  }

  function count(one: (metrics: Metrics) => void): void {
    made()
      .then(one)
      .catch((error: unknown) => {
        deps.log.error({ err: error }, 'not counted in the metrics')
      })
  }

  /** In vain, it is tried anew by the next. */
  function made(): Promise<Metrics> {
    making ??= make().catch((error: unknown) => {
      making = null
      throw error
    })
    return making
  }

  async function make(): Promise<Metrics> {
    const { createPrometheus } = await import('./prometheus.ts')
    return createPrometheus(deps)
  }
}
