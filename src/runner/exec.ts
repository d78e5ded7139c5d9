import { mkdtemp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { errorCode } from '../lib/error-code.ts'
import type { Command, CommandOptions, CommandResult, RunCommand } from './command.ts'
import { systemPath } from './environment.ts'
import { openFifo, type Fifo } from './fifo.ts'
import { createKin } from './kin.ts'
import { notStarted, nulProblem } from './not-started.ts'
import { cookieName, processStartedAs } from './processes.ts'
import { isScarcity } from '../lib/scarcity.ts'
import { stopReason } from './stop.ts'
import { supervise, type Exit } from './supervise.ts'

/**
 * Makes the one function that runs commands. A command gets a session and process group of its own, no stdin but its `input`, exactly
 * the environment given, and one pipe for stdout and stderr. How it ended is decided when its first process ends;
 * what it leaves running is ended too, by whatever mark it is found (`kin.ts`). All that was written until then is
 * handed over.
 * Rejects when `onOutput` does, once the command is ended. `directory` holds the pipes' names for an instant, and is
 * made (0700) when needed.
 */
export function createRunCommand({ directory }: { readonly directory: string }): RunCommand {
  return async (command, options) => {
    if (options.signal.aborted) return stoppedBefore(options.signal)
    const problem = nulProblem(command)
    if (problem) return problem

    const fifo = await makeFifo(directory)
    if (typeof fifo === 'string') return notStarted(command, fifo)
    try {
      return await runInto(fifo, command, options)
    } finally {
      fifo.close()
    }
  }
}

/** Runs a small program of the system whose output nobody needs. Rejects unless it ends with 0 within `timeoutMs`. */
export async function runQuietly(
  argv: readonly [string, ...string[]],
  { env, timeoutMs }: { readonly env: Readonly<Record<string, string>>; readonly timeoutMs: number },
): Promise<void> {
  const [file, ...args] = argv
  await execa(file, args, {
    ...alone,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
    env,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
}

/** Nothing of the daemon's own reaches a child, and nothing of execa's comforts is in the way. */
const alone = { extendEnv: false, preferLocal: false, buffer: false, verbose: 'none' } as const

async function runInto(fifo: Fifo, command: Command, options: CommandOptions): Promise<CommandResult> {
  const { signal, timeoutMs, graceMs, background = 'kill' } = options
  if (signal.aborted) return stoppedBefore(signal)
  const [file, ...args] = command.argv
  const { cwd, env, input } = command
  // execa takes any descriptor; its types name those up to 9.
  const output = fifo.writeEnd as 3
  const subprocess = execa(file, args, {
    ...alone,
    cwd,
    env,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    stdout: output,
    stderr: output,
    detached: true,
    cleanup: false,
    forceKillAfterDelay: false,
    reject: false,
  })
  const child = subprocess.nodeChildProcess
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (exitCode, killedBy) => {
      resolve(killedBy === null ? { kind: 'exited', exitCode: exitCode ?? 0 } : { kind: 'signalled', signal: killedBy })
    })
  })
  fifo.closeWriteEnd()
  if (child.pid === undefined) return notStarted(command, (await subprocess).code ?? 'unknown')

  const reading = fifo.read(options.onOutput)
  const leader = processStartedAs(child.pid)
  const kin = createKin({ leader, cookie: env[cookieName] ?? null, output: fifo.id })
  const outputFailed = reading.failed
  const result = await supervise({ leader, kin, background, exited, outputFailed, signal, timeoutMs, graceMs })
  await reading.finish()
  return result
}

function stoppedBefore(signal: AbortSignal): CommandResult {
  return { kind: 'stopped', why: stopReason(signal), leftovers: 0 }
}

/** A new FIFO that no longer has a name, or the system's code when it allows no process or file for it. */
async function makeFifo(directory: string): Promise<Fifo | string> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const own = await mkdtemp(join(directory, 'pipe-'))
    try {
      const path = join(own, 'output')
      await runQuietly(['mkfifo', '-m', '600', '--', path], { env: { PATH: systemPath }, timeoutMs: 10_000 })
      return openFifo(path)
    } finally {
      await rm(own, { recursive: true, force: true })
    }
  } catch (error) {
    const code = errorCode(error)
    if (code !== null && isScarcity(error)) return code
    throw error
  }
}
