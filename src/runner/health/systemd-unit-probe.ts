import { formatDuration } from '../../lib/duration.ts'
import type { CommandResult } from '../command.ts'
import { systemPath } from '../environment.ts'
import { cookieName } from '../processes.ts'
import { sick, well, type Answer, type Asking, type AskProbe, type Systemd } from './probe.ts'

/**
 * Units of the daemon's own user are asked for besides the system's when the daemon is not root and has an
 * XDG_RUNTIME_DIR, which leads to that user's manager: see user@.service(5). A service with `User=` has none unless its
 * unit sets it: `Environment=XDG_RUNTIME_DIR=/run/user/1000`.
 */
export function systemdOf(env: NodeJS.ProcessEnv, uid: number | undefined): Systemd {
  return { searchPath: systemPath, runtimeDirectory: uid === 0 ? null : (env['XDG_RUNTIME_DIR'] ?? null) }
}

/** Asks systemd whether the unit is active, as a unit of the system first, then as one of the user's. */
export const askSystemdUnit: AskProbe<'systemd_unit'> = async ({ unit }, asking) => {
  const ofSystem = await stateOf(['is-active', '--', unit], {}, asking)
  const { runtimeDirectory } = asking.tools.systemd
  if (ofSystem.kind === 'well' || runtimeDirectory === null) return ofSystem
  const ofUser = await stateOf(['--user', 'is-active', '--', unit], { XDG_RUNTIME_DIR: runtimeDirectory }, asking)
  if (ofUser.kind === 'well') return ofUser
  return sick(`${ofSystem.why}; as a unit of the daemon's user it ${ofUser.why}`)
}

async function stateOf(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { timeoutMs, signal, name, tools }: Asking,
): Promise<Answer> {
  let output = ''
  const onOutput = (chunk: Buffer): void => {
    if (output.length < 1_000) output += chunk.toString('latin1')
  }
  const cookie = `${tools.cookie}.${name}`
  const command = {
    argv: ['systemctl', ...args] as const,
    cwd: '/',
    env: { PATH: tools.systemd.searchPath, LANG: 'C.UTF-8', ...env, [cookieName]: cookie },
  }
  return answerOf(await tools.run(command, { signal, timeoutMs, graceMs: 1_000, onOutput }), { output, timeoutMs })
}

/** systemctl(1): `is-active` prints the state, and exits with 0 when that is one in which the unit is up. */
function answerOf(
  result: CommandResult,
  { output, timeoutMs }: { readonly output: string; readonly timeoutMs: number },
): Answer {
  if (result.kind === 'not_started')
    return sick(
      result.reason === 'command_missing'
        ? 'cannot be asked for: there is no systemctl on this machine'
        : `cannot be asked for: systemctl could not be started: ${result.message}`,
    )
  if (result.kind === 'stopped' && result.why === 'limit')
    return sick(`cannot be asked for: systemctl took longer than ${formatDuration(timeoutMs)}`)
  if (result.kind === 'exited' && result.exitCode === 0) return well
  const state = /^[a-z-]{1,30}$/.exec(output.trim())?.[0]
  return sick(state === undefined ? 'cannot be asked for: systemd does not answer systemctl' : `is ${state}`)
}
