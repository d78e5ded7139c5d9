import { randomUUID } from 'node:crypto'
import { access, constants, mkdir, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { App } from '../model/deploy-map.ts'
import { replaceFile } from './replace-file.ts'
import type { GitFailure } from './workspace.ts'

/** What a remote command needs to prove who we are, for as long as it is open. */
export type Access = { readonly kind: 'access'; readonly env: Readonly<Record<string, string>>; close(): Promise<void> }

/**
 * Opens the way to the app's repository: ssh with its deploy key, https with its token. The token lies in a 0600 file
 * while the command runs; git learns only where the helper is that reads it, and the helper where the file is.
 */
export async function openAccess(
  { repo, git }: Pick<App, 'repo' | 'git'>,
  stateDirectory: string,
): Promise<Access | GitFailure> {
  if (repo.protocol === 'ssh') return openSsh(git)
  if (repo.protocol === 'https' && git.token !== null) {
    const password = git.token.reveal()
    return openToken({ stateDirectory, origin: originOf(repo.url), username: git.username, password })
  }
  return { kind: 'access', env: neverAsk, close: () => Promise.resolve() }
}

/** No helper: git gives up instead of asking. */
const neverAsk = { GIT_ASKPASS: '/bin/false', SSH_ASKPASS: '/bin/false' }

async function openSsh({ sshKey, knownHosts }: App['git']): Promise<Access | GitFailure> {
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
      `git.ssh_key: deployhook may not read ${path}. Give it to the user that runs deployhook: chown that-user ${path}`,
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

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  )
}

async function openToken(login: {
  readonly stateDirectory: string
  readonly origin: string
  readonly username: string
  readonly password: string
}): Promise<Access | GitFailure> {
  const { stateDirectory, origin, username, password } = login
  if (/[\r\n\0]/.test(password + username))
    return failed(
      'auth',
      'git.token or git.username holds a line break, which no git host takes. Give the token alone, on one line.',
    )
  const answers = join(askpassDirectory(stateDirectory), `${randomUUID()}.login`)
  const handle = await open(answers, 'wx', 0o600)
  try {
    await handle.writeFile(`${origin}\n${username}\n${password}\n`)
  } finally {
    await handle.close()
  }
  const env = { GIT_ASKPASS: askpassHelper(stateDirectory), SSH_ASKPASS: '/bin/false', DEPLOYHOOK_LOGIN: answers }
  return { kind: 'access', env, close: () => rm(answers, { force: true }) }
}

/** Once, before the first access: makes the helper anew, and removes logins that a killed daemon left. */
export async function prepareAskpass(stateDirectory: string): Promise<void> {
  await rm(askpassDirectory(stateDirectory), { recursive: true, force: true })
  await mkdir(askpassDirectory(stateDirectory), { recursive: true, mode: 0o700 })
  await replaceFile(askpassHelper(stateDirectory), helperText, { mode: 0o700 })
}

function askpassDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'askpass')
}

function askpassHelper(stateDirectory: string): string {
  return join(askpassDirectory(stateDirectory), 'askpass')
}

/**
 * git runs it with its question as the only argument. It answers for the one host it was opened for, so that a redirect
 * to another gets nothing. Shell built-ins only: no other process sees the answer.
 */
const helperText = `#!/bin/sh
{ IFS= read -r origin && IFS= read -r username && IFS= read -r password; } <"$DEPLOYHOOK_LOGIN" || exit 1
case $1 in
"Username for 'https://$origin': ") printf '%s\\n' "$username" ;;
"Password for 'https://"*"@$origin': ") printf '%s\\n' "$password" ;;
*) exit 1 ;;
esac
`

/** Host and port as git writes them in its question. */
function originOf(url: string): string {
  return new URL(url).host
}

function failed(reason: GitFailure['reason'], message: string): GitFailure {
  return { kind: 'failed', reason, message }
}
