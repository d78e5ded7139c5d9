import { connect } from 'node:net'
import { CliError, exit } from './cli-error.ts'

/** The first of `sockets` on which a daemon answers. Fails with exit code 3, saying what was tried and the cure. */
export async function findDaemon(sockets: readonly string[]): Promise<string> {
  const found = await lookForDaemon(sockets)
  if (typeof found === 'string') return found
  throw notReachable(found)
}

/** The first of `sockets` on which a daemon answers, or why none does on any of them. */
export async function lookForDaemon(sockets: readonly string[]): Promise<string | readonly Failure[]> {
  const failures: Failure[] = []
  for (const path of sockets) {
    const code = await knock(path)
    if (code === null) return path
    failures.push({ path, code })
  }
  return failures
}

export type Failure = { readonly path: string; readonly code: string }

/** What to tell somebody whose daemon does not answer. */
export function notReachable(failures: readonly Failure[], cause?: unknown): CliError {
  const tried = failures.map((failure) => `  ${failureText(failure)}`)
  const forbidden = failures.filter(isForbidden)
  const cure =
    forbidden.length > 0
      ? [
          'Whoever may open the socket is an operator: its group is shown by',
          ...forbidden.map(({ path }) => `  ls -l ${path}`),
          'Join that group (sudo usermod -aG GROUP "$USER", then log in again), or use sudo.',
        ]
      : [
          'Is the daemon running?  systemctl status deployhook, or start it: deployhook serve',
          'With another socket?    --socket PATH, or DEPLOYHOOK_SOCKET=PATH',
        ]
  return new CliError(['the daemon is not reachable', ...tried, ...cure].join('\n'), {
    exitCode: exit.notReachable,
    cause,
  })
}

/** Somebody may answer there, but not to this user. */
export function isForbidden({ code }: Failure): boolean {
  return code === 'EACCES' || code === 'EPERM'
}

/** `/run/deployhook/control.sock: there is no such socket` */
export function failureText({ path, code }: Failure): string {
  return `${path}: ${meaning(code)}`
}

function meaning(code: string): string {
  if (code === 'ENOENT') return 'there is no such socket'
  if (code === 'ECONNREFUSED') return 'nobody answers (left by a daemon that has ended)'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ENOTSOCK') return 'not a socket'
  return `cannot be opened (${code})`
}

/** null when somebody answers, else the system's error code. */
function knock(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(null)
    })
    socket.once('error', (error) => {
      resolve(causeCode(error) ?? 'unknown error')
    })
  })
}

/** The system's code of an error or of what caused it; null when it is none of the system's. */
export function causeCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  if ('code' in error && typeof error.code === 'string') return error.code
  return causeCode(error.cause)
}
