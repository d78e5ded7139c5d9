import type { Stop } from './runner.ts'

/** Why `signal` was aborted. Whoever aborts gives a `Stop`; any other reason counts as an interruption. */
export function stopReason(signal: AbortSignal): Stop {
  const reason: unknown = signal.reason
  return reason === 'cancelled' || reason === 'timed_out' ? reason : 'interrupted'
}
