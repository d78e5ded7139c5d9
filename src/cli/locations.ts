import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { findDeployMap } from '../config/find.ts'
import { CliError, exit } from './cli-error.ts'

/** What `serve` was asked for, resolved from flags, variables, systemd and defaults; paths are absolute. */
export type ServeOptions = {
  readonly configFile: string
  readonly stateDirectory: string
  /** `HOST:PORT` or `unix:/path`, instead of `server.listen` of deploy.yml. */
  readonly listen: string | null
  /** Path of the control socket. */
  readonly socket: string
}

/** The part of the process that paths depend on. */
export type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly uid: number
}

/** A name in the environment; an empty value says nothing, like none. */
export function variable({ env }: Surroundings, name: string): string | null {
  const value = env[name]
  return value === undefined || value === '' ? null : value
}

/** deploy.yml: flag, `DEPLOYHOOK_CONFIG`, the directory's, the system's; null when none of them is there. */
export async function configFile(flag: string | undefined, around: Surroundings): Promise<string | null> {
  const named = flag ?? variable(around, 'DEPLOYHOOK_CONFIG')
  return named === null ? findDeployMap({ cwd: around.cwd }) : resolve(around.cwd, named)
}

/** systemd keeps those of a running service where root and its user can read them: systemd.exec(5), CREDENTIALS. */
export function withCredentials(env: Surroundings['env']): Surroundings['env'] {
  const directory = '/run/credentials/deployhook.service'
  return existsSync(directory) ? { CREDENTIALS_DIRECTORY: directory, ...env } : env
}

/** `HOST:PORT` or `unix:/path` as it was said; null: deploy.yml says it. */
export function listenAddress(flag: string | undefined, around: Surroundings): string | null {
  return flag ?? variable(around, 'DEPLOYHOOK_LISTEN')
}

/** The state directory: flag, `DEPLOYHOOK_STATE`, systemd's, then the default of the user. */
export function stateDirectory(flag: string | undefined, around: Surroundings): string {
  const said = flag ?? variable(around, 'DEPLOYHOOK_STATE') ?? firstOf(variable(around, 'STATE_DIRECTORY'))
  return resolve(around.cwd, said ?? defaultState(around))
}

/** The control socket that `serve` makes. */
export function socketToServe(
  flags: { readonly socket?: string | undefined; readonly state: string },
  around: Surroundings,
): string {
  const said = flags.socket ?? variable(around, 'DEPLOYHOOK_SOCKET')
  if (said !== null) return resolve(around.cwd, said)
  return join(firstOf(variable(around, 'RUNTIME_DIRECTORY')) ?? flags.state, socketName)
}

/**
 * Where a command looks for the daemon, in this order. A socket that was named is the only one; a named state directory
 * goes before the system's daemon, so that what is meant for a second daemon never reaches the first.
 */
export function socketsToTry(flag: string | undefined, around: Surroundings): readonly string[] {
  const named = flag ?? variable(around, 'DEPLOYHOOK_SOCKET')
  if (named !== null) return [resolve(around.cwd, named)]
  const directories = [
    variable(around, 'DEPLOYHOOK_STATE'),
    firstOf(variable(around, 'RUNTIME_DIRECTORY')),
    '/run/deployhook',
    stateDirectory(undefined, around),
  ]
  const sockets = directories.flatMap((directory) =>
    directory === null ? [] : [join(resolve(around.cwd, directory), socketName)],
  )
  return [...new Set(sockets)]
}

const socketName = 'control.sock'

/** systemd joins several directories by colons: https://www.freedesktop.org/software/systemd/man/systemd.exec.html */
function firstOf(directories: string | null): string | null {
  return directories?.split(':')[0] ?? null
}

/** https://specifications.freedesktop.org/basedir-spec says where state goes without `XDG_STATE_HOME`. */
function defaultState(around: Surroundings): string {
  if (around.uid === 0) return '/var/lib/deployhook'
  const base = variable(around, 'XDG_STATE_HOME')
  if (base !== null) return join(base, 'deployhook')
  const home = variable(around, 'HOME')
  if (home !== null) return join(home, '.local/state/deployhook')
  throw new CliError('there is no HOME to keep the state in: say --state DIR, or set DEPLOYHOOK_STATE', {
    exitCode: exit.usage,
  })
}
