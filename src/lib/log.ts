import pino from 'pino'
import pretty from 'pino-pretty'

/** The part of a pino logger that the rest of the program uses: one line per decision, ids as fields. */
export type Log = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A logger to standard output: JSON for journald and files, pretty on a terminal. `level` is a pino level name. */
export function createLog(stdout: { readonly isTTY?: boolean }, level = 'info'): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  // Synchronous: the last line before a kill -9 is the one that is needed.
  if (stdout.isTTY === true)
    return pino(options, pretty({ sync: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'level' }))
  return pino(options, pino.destination({ sync: true }))
}
