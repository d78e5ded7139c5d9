import { access, constants, stat } from 'node:fs/promises'
import { succeeds } from '../lib/succeeds.ts'
import type { App } from '../model/deploy-map.ts'
import type { Access } from './access.ts'
import { neverAsk } from './askpass.ts'
import type { GitFailure } from './workspace.ts'

/** Looks at the key and the known hosts first: ssh's own words for what is wrong with them help nobody. */
export async function openSsh({ sshKey, knownHosts }: App['git']): Promise<Access | GitFailure> {
  const problem =
    (sshKey === null ? null : await keyProblem(sshKey)) ??
    (knownHosts === null ? null : await knownHostsProblem(knownHosts))
  if (problem !== null) return problem
  const env = { ...neverAsk, GIT_SSH_VARIANT: 'ssh', GIT_SSH_COMMAND: sshCommand({ sshKey, knownHosts }) }
  return { kind: 'access', env, close: () => Promise.resolve() }
}

/**
 * The command that git runs (through a shell) to reach a host. Options on the command line win over ~/.ssh/config,
 * which may still name hosts. Both paths must have passed `keyProblem` and `knownHostsProblem`.
 * The options: https://man.openbsd.org/ssh_config
 */
export function sshCommand({ sshKey, knownHosts }: Pick<App['git'], 'sshKey' | 'knownHosts'>): string {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'UpdateHostKeys=no',
    'ConnectTimeout=10',
    'ServerAliveInterval=15',
    'ServerAliveCountMax=4',
    'ForwardAgent=no',
    'ClearAllForwardings=yes',
    'PermitLocalCommand=no',
    // A shared connection would outlive the command.
    'ControlMaster=no',
    'ControlPath=none',
    // Exactly the deploy key: a host takes the first key it knows, and may then show another account's repositories.
    ...(sshKey === null ? [] : ['IdentitiesOnly=yes', 'IdentityAgent=none', `IdentityFile=${sshKey}`]),
    ...(knownHosts === null ? [] : [`UserKnownHostsFile=${knownHosts}`, 'GlobalKnownHostsFile=/dev/null']),
  ]
  return ['ssh', ...options.map((option) => `-o${option}`)].join(' ')
}

/** What neither a shell nor ssh (`%h`, `~`, `${HOME}`, lists by space) reads as anything but itself. */
const literalPath = /^\/[A-Za-z0-9_.,:@=+/-]*$/

async function keyProblem(path: string): Promise<GitFailure | null> {
  if (!literalPath.test(path)) return failed('auth', oddPath('git.ssh_key', path))
  const key = await stat(path).catch(() => null)
  if (!key?.isFile())
    return failed(
      'auth',
      `git.ssh_key: there is no file ${path}. Make a key with ssh-keygen -t ed25519 -N '' -f ${path} and add ${path}.pub to the repository as a deploy key.`,
    )
  if (!(await isReadable(path)))
    return failed(
      'auth',
      `git.ssh_key: deployhook may not read ${path}. Give it to the user that runs deployhook: chown USER ${path}, where USER is deployhook under its systemd unit`,
    )
  if ((key.mode & 0o077) !== 0)
    return failed('auth', `git.ssh_key: others may read ${path}, so ssh will not use it. Run chmod 600 ${path}`)
  return null
}

async function knownHostsProblem(path: string): Promise<GitFailure | null> {
  if (!literalPath.test(path)) return failed('host_key', oddPath('git.known_hosts', path))
  if (await isReadable(path)) return null
  return failed(
    'host_key',
    `git.known_hosts: deployhook cannot read ${path}. Make the file, with the host's key in it, readable by the user that runs deployhook.`,
  )
}

function oddPath(key: string, path: string): string {
  return `${key}: the path ${JSON.stringify(path)} has characters that ssh does not take literally. Use letters, digits and . _ - , : @ = + / only.`
}

function isReadable(path: string): Promise<boolean> {
  return succeeds(access(path, constants.R_OK))
}

function failed(reason: GitFailure['reason'], message: string): GitFailure {
  return { kind: 'failed', reason, message }
}
