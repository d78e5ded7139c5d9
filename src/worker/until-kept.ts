import { errorCode } from '../lib/error-code.ts'
import type { Log } from '../lib/log.ts'
import { pause } from '../lib/pause.ts'

/**
 * Writes down how a deployment gets on. While the store cannot be written to (a full disk), the deployment waits rather
 * than fail for it; once it is told to end, that it ends matters more than what is left to be written.
 */
export async function untilKept(
  write: () => Promise<void>,
  { signal, retryMs, log }: { readonly signal: AbortSignal; readonly retryMs: number; readonly log: Pick<Log, 'warn'> },
): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await write()
      return
    } catch (error) {
      if (errorCode(error) !== 'unavailable') throw error
      if (tries === 0)
        log.warn({ err: error }, 'the store cannot record how a deployment gets on: the deployment waits')
      await pause(retryMs, signal)
      if (signal.aborted) return
    }
  }
}
