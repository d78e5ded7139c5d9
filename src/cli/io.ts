import { createInterface } from 'node:readline/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { systemClock, type Clock } from '../lib/clock.ts'
import type { ServeOptions } from './locations.ts'

/** Everything of the process and the world outside that the commands use. */
export type CliIo = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Output
  readonly stderr: Output
  readonly cwd: string
  readonly uid: number
  readonly version: string
  readonly clock: Clock
  /** Resolves after `ms`; rejects when the signal aborts first. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>
  /** Asks whoever sits at the terminal; null: nobody does. What is answered: a line; null: Ctrl-C, or the end of the input. */
  readonly prompt: ((question: string) => Promise<string | null>) | null
  /** Calls `listener` at Ctrl-C, SIGTERM or when nobody reads the output any more; gives back how to stop listening. */
  readonly onInterrupt: (listener: () => void) => () => void
  /** Runs the daemon until it has ended. */
  readonly serve: (options: ServeOptions) => Promise<Served>
}

/** The part of a writable stream that is used; `written` is called when the next chunk may come, also after a failure. */
export type Output = {
  write(text: string | Uint8Array, written: () => void): unknown
  readonly isTTY?: boolean
}

/**
 * How the daemon ended: by request; before it was up (`cannot_start`: a person must mend that first); or `failed`, where
 * starting again may help. `problem` says the reason and the cure.
 */
export type Served =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'cannot_start'; readonly problem: string }
  | { readonly kind: 'failed'; readonly problem: string }

/**
 * The real thing, for `main.ts`. Signals are listened to only while a command follows something, so that `serve` is
 * free to have its own way with them.
 */
export function ioOf(host: NodeJS.Process, { version, serve }: Pick<CliIo, 'version' | 'serve'>): CliIo {
  const listeners = new Set<() => void>()
  const interrupt = (): void => {
    for (const listener of listeners) listener()
  }
  host.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    interrupt()
  })
  return {
    env: host.env,
    stdout: host.stdout,
    stderr: host.stderr,
    cwd: host.cwd(),
    uid: host.geteuid?.() ?? 0,
    version,
    clock: systemClock,
    sleep: (ms, signal) => wait(ms, undefined, { signal }),
    prompt: host.stdin.isTTY && host.stderr.isTTY ? (question) => askAt(host, question) : null,
    onInterrupt(listener) {
      if (listeners.size === 0) for (const signal of signals) host.on(signal, interrupt)
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) for (const signal of signals) host.off(signal, interrupt)
      }
    },
    serve,
  }
}

/** On stderr, so that what stdout is wanted for stays clean. */
async function askAt({ stdin, stderr }: NodeJS.Process, question: string): Promise<string | null> {
  const lines = createInterface({ input: stdin, output: stderr })
  const left = new Promise<null>((resolve) => {
    lines.once('close', () => {
      resolve(null)
    })
    lines.once('SIGINT', () => {
      resolve(null)
    })
  })
  try {
    return await Promise.race([lines.question(question), left])
  } finally {
    lines.close()
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const
