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
  if (stdout.isTTY === true) {
    const pretty: Log = pino(options, await prettyStream())
    return pretty
  }
  const lines = together(pino.destination({ sync: true }))
  process.once('exit', lines.flush)
  return prompt(pino(options, lines), lines.flush)
}

/** Synchronous, like the other: the last line before a kill -9 is the one that is needed. */
async function prettyStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({ sync: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'level' })
}

/**
 * Writes what is said in one turn of the event loop at once: of 64 pushes that are kept together, each would cost a
 * write of its own otherwise. No line waits for another turn.
 */
export function together(destination: DestinationStream): DestinationStream & { readonly flush: () => void } {
  let lines = ''
  const flush = (): void => {
    const said = lines
    lines = ''
    if (said !== '') destination.write(said)
  }
  return {
    flush,
    write(line) {
      if (lines === '') process.nextTick(flush)
      lines += line
    },
  }
}

/** What somebody is to look at is written at once, and what was said before it: it may be the last line. */
function prompt(log: Log, flush: () => void): Log {
  return {
    debug: (fields, message) => {
      log.debug(fields, message)
    },
    info: (fields, message) => {
      log.info(fields, message)
    },
    warn: (fields, message) => {
      log.warn(fields, message)
      flush()
    },
    error: (fields, message) => {
      log.error(fields, message)
      flush()
    },
  }
}
