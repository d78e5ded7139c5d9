import type { ReportCommandEnd, RunReportCommand } from '../model/report-command.ts'
import type { CommandResult, RunCommand } from './command.ts'
import { systemPath, type User } from './environment.ts'
import { cookieName } from './processes.ts'

/** Runs programs that tell of deployments: in the root directory, with a clean environment, and nothing left behind. */
export function createRunReport(
  run: RunCommand,
  { stateId, user }: { readonly stateId: string; readonly user: User },
): RunReportCommand {
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

function endOf(result: CommandResult, timeoutMs: number): ReportCommandEnd {
  if (result.kind === 'exited') return result
  if (result.kind === 'signalled') return { kind: 'other', how: `was ended by ${result.signal}` }
  if (result.kind === 'not_started') return { kind: 'other', how: `could not be started: ${result.message}` }
  return {
    kind: 'other',
    how: result.why === 'limit' ? `took longer than ${timeoutMs / 1000} s` : 'was stopped with the daemon',
  }
}
