import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Of what Node makes of the source: it halves the time that each start takes. */
const compileCache = fileURLToPath(new URL('../../node_modules/.cache/deployhook', import.meta.url))

export type Daemon = {
  readonly pid: number
  readonly address: string
  /** Every line that it logged, parsed. */
  readonly log: readonly Readonly<Record<string, unknown>>[]
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  kill(signal: NodeJS.Signals): void
  /** The API over the control socket. */
  api(path: string, options?: { method?: 'GET' | 'POST'; body?: object }): Promise<Answer>
}

export type Answer = { readonly status: number; readonly body: never; readonly text: string }

export type StartOptions = {
  readonly config: string
  readonly state: string
  readonly socket: string
  readonly env?: Readonly<Record<string, string>>
  /** Another main than the one of the sources. */
  readonly program?: string
  /** false: once it listens, what it logs is read and forgotten. */
  readonly keepsLog?: boolean
  /** Told of the process at once, long before it listens. */
  readonly onSpawn?: (child: ChildProcess) => void
}

/** Starts the real daemon as a process of its own and waits until it listens (or has ended: then it throws). */
export async function startDaemon(options: StartOptions): Promise<Daemon> {
  const { config, state, socket, env = {}, program = main, keepsLog = true } = options
  const child = spawn(
    process.execPath,
    [program, 'serve', '--config', config, '--state', state, '--listen', '127.0.0.1:0', '--socket', socket],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        NODE_COMPILE_CACHE: compileCache,
        ...env,
      },
    },
  )
  options.onSpawn?.(child)
  const log: Record<string, unknown>[] = []
  const errors: string[] = []
  linesOf(child.stderr).on('line', (line) => errors.push(line))
  const address = await new Promise<string>((resolve, reject) => {
    const lines = linesOf(child.stdout).on('line', (line) => {
      const entry = JSON.parse(line) as Record<string, unknown>
      log.push(entry)
      if (entry['msg'] !== 'listening') return
      resolve(String(entry['address']))
      if (keepsLog) return
      lines.close()
      child.stdout.on('error', () => undefined).resume()
    })
    child.once('exit', (code, signal) => {
      setImmediate(() => {
        reject(new Error(`the daemon ended (${code ?? signal ?? '?'}): ${errors.join('\n')}`))
      })
    })
  })
  return {
    pid: child.pid ?? 0,
    address,
    log,
    ended: endOf(child),
    kill: (signal) => child.kill(signal),
    api: apiOver(socket),
  }
}

/** What a killed process was about to say may be cut off (ECONNRESET): that it died is told by its exit. */
function linesOf(stream: Readable): Interface {
  return createInterface(stream).on('error', () => undefined)
}

async function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode ?? -1
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  return code ?? signal ?? -1
}

function apiOver(socket: string): Daemon['api'] {
  return async (path, { method = 'GET', body } = {}) => {
    const dispatcher = new Agent({ connect: { socketPath: socket } })
    try {
      const answer = await request(`http://localhost${path}`, {
        method,
        dispatcher,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      const text = await answer.body.text()
      return { status: answer.statusCode, text, body: parsed(text) as never }
    } finally {
      await dispatcher.close()
    }
  }
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
