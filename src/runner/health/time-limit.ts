import { longestTimerMs } from '../../lib/pause.ts'

/** The end of a try: its time is up, or nobody wants to know any more. */
export type TimeLimit = { readonly signal: AbortSignal; readonly isUp: () => boolean }

/** By a timer, which the machine's clock does not move. */
export function timeLimit(timeoutMs: number, signal: AbortSignal): TimeLimit {
  const limit = AbortSignal.timeout(Math.min(timeoutMs, longestTimerMs))
  return { signal: AbortSignal.any([signal, limit]), isUp: () => limit.aborted }
}
