import type { Monotonic } from '../../lib/clock.ts'
import type { HealthCheck } from '../../model/health-check.ts'
import type { Stop } from '../runner.ts'
import { stopReason } from '../stop.ts'
import type { Ask } from './probe.ts'

export type Health = { readonly kind: 'well' } | SickCheck | { readonly kind: 'stopped'; readonly why: Stop }

export type SickCheck = {
  readonly kind: 'sick'
  /** Its label. */
  readonly check: string
  /** What follows the label in a sentence: `refuses connections`. */
  readonly why: string
  readonly tries: number
}

export type HealthDeps = {
  readonly ask: Ask
  /** Aborted with a `Stop` as its reason. */
  readonly signal: AbortSignal
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  readonly monotonic: Monotonic
  /** A line in the deployment's log. */
  readonly note: (text: string) => Promise<void>
}

/** A check as it is looked after; its `signal` also ends when another one has turned out sick. */
export type Watched = HealthDeps & { readonly check: HealthCheck; readonly name: string }

/**
 * Looks after all checks at once. The first that is sick ends the others; answers only when all of them have ended, so
 * that nothing is still running.
 */
export async function watchAll(
  checks: readonly HealthCheck[],
  deps: HealthDeps,
  watch: (watched: Watched) => Promise<SickCheck | null>,
): Promise<Health> {
  const over = new AbortController()
  const signal = AbortSignal.any([deps.signal, over.signal])
  const watching = checks.map(async (check, index) => {
    try {
      const found = await watch({ ...deps, signal, check, name: `health-${index + 1}` })
      if (found !== null) over.abort()
      return found
    } catch (error) {
      over.abort()
      throw error
    }
  })
  await Promise.allSettled(watching)
  const ends = await Promise.all(watching)
  if (deps.signal.aborted) return { kind: 'stopped', why: stopReason(deps.signal) }
  return ends.find((end) => end !== null) ?? { kind: 'well' }
}
