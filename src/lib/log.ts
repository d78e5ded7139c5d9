import pino, { type DestinationStream } from 'pino'

/** The part of a pino logger that the rest of the program uses: one line per decision, ids as fields. */
export type Log = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A logger to standard output: JSON for journald and files, pretty on a terminal. `level` is a pino level name. */
export async function createLog(stdout: { readonly isTTY?: boolean }, level = 'info'): Promise<Log> {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const stream = stdout.isTTY === true ? await prettyStream() : pino.destination({ sync: true })
  const log: Log = pino(options, stream)
  return log
}

/** Synchronous, like the other: the last line before a kill -9 is the one that is needed. */
async function prettyStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({ sync: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'level' })
}
