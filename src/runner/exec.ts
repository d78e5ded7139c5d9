import type { execa } from 'execa'
import type { Cgroup } from './cgroup.ts'
import { noCgroups, type Cgroups } from './cgroups.ts'
import type { Command, CommandOptions, CommandResult, RunCommand } from './command.ts'
import { systemPath } from './environment.ts'
import type { Fifo } from './fifo.ts'
import { createFifos } from './fifos.ts'
import { createKin } from './kin.ts'
import { notStarted, nulProblem } from './not-started.ts'
import { cookieName, processStartedAs } from './processes.ts'
import { stopReason } from './stop.ts'
import { supervise, type Exit } from './supervise.ts'

export type RunCommandDeps = {
  /** Holds pipes that wait for a command; made (0700) when needed. */
  readonly directory: string
  /** None unless given. */
  readonly cgroups?: Cgroups
}

/**
 * Makes the one function that runs commands. A command gets a session and process group of its own, no stdin but its `input`, exactly
 * the environment given, and one pipe for stdout and stderr. How it ended is decided when its first process ends;
 * what it leaves running is ended too, by whatever mark it is found (`kin.ts`). All that was written until then is
 * handed over.
 * Rejects when `onOutput` does, once the command is ended.
 */
export function createRunCommand({ directory, cgroups = noCgroups }: RunCommandDeps): RunCommand {
  const fifos = createFifos(directory, runQuietly)
  return async (command, options) => {
    if (options.signal.aborted) return stoppedBefore(options.signal)
    const problem = nulProblem(command)
    if (problem) return problem

    const fifo = await fifos.open(command.user)
    if (typeof fifo === 'string') return notStarted(command, fifo)
    try {
      return await runInto(fifo, command, { ...options, cgroups })
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
  const { execa } = await loadExeca()
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

/** What a small program of the system has said; `exitCode` null: it did not end by itself, or could not be started. */
export type Said = { readonly exitCode: number | null; readonly output: Buffer; readonly complaint: string }

/** Runs a small program of the system, with nothing in its environment but a PATH and `env`, and reads what it says. */
export async function readProgram(
  argv: readonly [string, ...string[]],
  { timeoutMs, env = {} }: { readonly timeoutMs: number; readonly env?: Readonly<Record<string, string>> },
): Promise<Said> {
  const [file, ...args] = argv
  const { execa } = await loadExeca()
  const { exitCode, stdout, stderr } = await execa(file, args, {
    ...alone,
    ...{ buffer: true, encoding: 'buffer', stripFinalNewline: false, maxBuffer: 64 * 1024, reject: false },
    stdin: 'ignore',
    cwd: '/',
    env: { PATH: systemPath, ...env },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  return { exitCode: exitCode ?? null, output: Buffer.from(stdout), complaint: Buffer.from(stderr).toString() }
}

/** Not before the first command: it is large, and the start of a daemon has no use for it. */
function loadExeca(): Promise<Execa> {
  return import('execa')
}

type Execa = { readonly execa: typeof execa }

/** Nothing of the daemon's own reaches a child, and nothing of execa's comforts is in the way. */
const alone = { extendEnv: false, preferLocal: false, buffer: false, verbose: 'none' } as const

type Options = CommandOptions & { readonly cgroups: Cgroups }

async function runInto(fifo: Fifo, command: Command, { cgroups, ...options }: Options): Promise<CommandResult> {
  const { execa } = await loadExeca()
  if (options.signal.aborted) return stoppedBefore(options.signal)
  const { started, cgroup } = cgroups.start(command.env[cookieName] ?? 'none', () => start(execa, command, fifo))
  try {
    return await seeToItsEnd(started, { fifo, command, options, cgroup })
  } finally {
    cgroups.release(cgroup)
  }
}

/** Its process, if there is one, has begun when this returns. */
function start(run: Execa['execa'], { argv, cwd, env, input }: Command, fifo: Fifo) {
  const [file, ...args] = argv
  // execa takes any descriptor; its types name those up to 9.
  const output = fifo.writeEnd as 3
  return run(file, args, {
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
}

type Started = {
  readonly fifo: Fifo
  readonly command: Command
  readonly options: CommandOptions
  readonly cgroup: Cgroup
}

async function seeToItsEnd(
  subprocess: ReturnType<typeof start>,
  { fifo, command, options, cgroup }: Started,
): Promise<CommandResult> {
  const { signal, timeoutMs, graceMs, background = 'kill' } = options
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
  const kin = createKin({ leader, cookie: command.env[cookieName] ?? null, output: fifo.id, cgroup })
  const outputFailed = reading.failed
  const result = await supervise({ leader, kin, cgroup, background, exited, outputFailed, signal, timeoutMs, graceMs })
  await reading.finish()
  return result
}

function stoppedBefore(signal: AbortSignal): CommandResult {
  return { kind: 'stopped', why: stopReason(signal), leftovers: 0 }
}
