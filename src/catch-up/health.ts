import type { Health } from '../model/catch-up-state.ts'
import type { GitFailure, GitFailureReason } from '../runner/workspace.ts'

export const unknownHealth: Health = { answeredAt: null, failing: null }

export function afterFailure({ answeredAt, failing }: Health, { reason, message }: GitFailure, at: Date): Health {
  return { answeredAt, failing: { times: (failing?.times ?? 0) + 1, since: failing?.since ?? at, reason, message } }
}

/** Once may be chance; from then on it is the app's state. */
export function isRepeated({ failing }: Pick<Health, 'failing'>): boolean {
  return failing !== null && failing.times >= 2
}

/** Failures that every other repository of the host would meet too. */
export function isOfTheHost(reason: GitFailureReason): boolean {
  return reason === 'network' || reason === 'too_slow' || reason === 'tls'
}

/** Doubles with each failure in a row, up to a quarter of an hour, or the usual interval where that is longer. */
export function backOffMs(times: number, baseMs: number): number {
  return Math.min(baseMs * 2 ** (times - 1), Math.max(baseMs, longestBackOffMs))
}

const longestBackOffMs = 900_000
