import type { Command, CommandResult, RunCommand } from './command.ts'
import { systemPath, type User } from './environment.ts'
import { cookieName } from './processes.ts'

/** What a program that tells of a deployment is run with. */
export type ReportRun = {
  readonly argv: Command['argv']
  readonly env: Readonly<Record<string, string>>
  readonly input: Buffer
  readonly id: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly onOutput: (chunk: Buffer) => void
}

type End = { readonly kind: 'exited'; readonly exitCode: number } | { readonly kind: 'other'; readonly how: string }

/** Runs programs that tell of deployments: in the root directory, with a clean environment, and nothing left behind. */
export function createRunReport(
  run: RunCommand,
  { stateId, user }: { readonly stateId: string; readonly user: User },
): (report: ReportRun) => Promise<End> {
  const base = { PATH: systemPath, HOME: user.home, USER: user.name, LOGNAME: user.name, LANG: 'C.UTF-8' }
  return async ({ argv, env, input, id, timeoutMs, signal, onOutput }) => {
    // The signal of a daemon that ends has no reason that a command knows.
    const stopped = new AbortController()
    const stop = (): void => {
      stopped.abort('interrupted')
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const cookie = `${stateId}.report.${id}`
      const command = { argv, cwd: '/', env: { ...base, ...env, [cookieName]: cookie }, input }
      return endOf(await run(command, { signal: stopped.signal, timeoutMs, graceMs, onOutput }), timeoutMs)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}

const graceMs = 2_000

function endOf(result: CommandResult, timeoutMs: number): End {
  if (result.kind === 'exited') return result
  if (result.kind === 'signalled') return { kind: 'other', how: `was ended by ${result.signal}` }
  if (result.kind === 'not_started') return { kind: 'other', how: `could not be started: ${result.message}` }
  return {
    kind: 'other',
    how: result.why === 'limit' ? `took longer than ${timeoutMs / 1000} s` : 'was stopped with the daemon',
  }
}
