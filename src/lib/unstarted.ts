import type { Log } from './log.ts'
import { isScarcity } from './scarcity.ts'

/**
 * Keeps a process alive that could not start another one for want of open files. Node gives such a child no streams, at
 * which simple-git throws before it listens for the child's `error` event: what waits for git is told by that throw,
 * and the event alone would end the daemon. Every other uncaught error still ends it. Returns how to undo it.
 */
export function surviveUnstarted(process: NodeJS.Process, log: Log): () => void {
  const onUncaught = (error: Error): void => {
    const isUnstarted = isScarcity(error) && 'syscall' in error && String(error.syscall).startsWith('spawn')
    if (!isUnstarted) throw error
    log.error({ err: error }, 'a process could not be started: raise ulimit -n, or LimitNOFILE of the service')
  }
  process.on('uncaughtException', onUncaught)
  return () => void process.off('uncaughtException', onUncaught)
}
