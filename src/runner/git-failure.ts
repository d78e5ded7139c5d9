import { maskText } from '../lib/masker.ts'
import { Secret } from '../lib/secret.ts'
import type { Repository } from '../model/deploy-map.ts'
import { shortage } from './git-shortage.ts'
import { changedHostKeyCure, hostKeyCure } from './host-key.ts'
import type { GitFailure, GitFailureReason } from './workspace.ts'

/** Where a command worked: what its message names, and what its cure is about. */
export type Where = {
  /** A remote command's repository; null: the command was local. */
  readonly repo: Repository | null
  /** The directory that can be deleted when its objects turn out broken. */
  readonly mirror: string
  /** The app's tree. */
  readonly path: string
  /** What of the state directory cannot be used, with the cure; null: all of it can. */
  readonly stateProblem: () => string | null
  /** known_hosts as configured. */
  readonly knownHosts: string | null
  /** Never shown. */
  readonly secrets: readonly string[]
}

/**
 * Names the failure of a git command by what it wrote. Exit codes do not tell failures apart (nearly all are 128), and
 * the text is stable: `LC_ALL=C` switches off translation. `what`: the beginning of the sentence.
 */
export function failureOf(what: string, output: string, where: Where): GitFailure {
  const text = hide(tidy(output), where.secrets)
  const rule = (where.repo === null ? localRules : remoteRules).find(({ pattern }) => pattern.test(text))
  const said = lastWords(text)
  const told = `${what}${where.repo === null ? '' : ` from ${where.repo.url}`} failed${said === '' ? '' : `: ${said}`}`
  const problem = refused.test(text) ? where.stateProblem() : null
  if (problem !== null) return { kind: 'failed', reason: 'state_unusable', message: `${what} failed: ${problem}` }
  if (rule === undefined) return { kind: 'failed', reason: 'git_failed', message: told }
  return { kind: 'failed', reason: rule.reason, message: `${sentence(told)} ${rule.cure(where, text)}` }
}

/** In the system's words and git's own for a path that is not as it should be. */
const refused =
  /Permission denied|Operation not permitted|Read-only file system|Not a directory|Is a directory|File exists|not a git repository|unable to (?:create|write|open)|cannot (?:open|create|mkdir)|insufficient permission/i

type Rule = {
  readonly reason: GitFailureReason
  readonly pattern: RegExp
  readonly cure: (where: Where, output: string) => string
}

const storeBroken: Rule = {
  reason: 'store_broken',
  pattern:
    /not a git repository|bad object|unable to read (?:tree|sha1 file|[0-9a-f]{40})|loose object .* is corrupt|is corrupt|does not point to a valid object|invalid object|object file .* is empty|missing (?:blob|tree|commit|necessary objects)|failed to read object|packfile .* (?:is|cannot|does)|index file corrupt|bad (?:index file )?signature|inflate: data stream error|does not match index|index file .* is too small|far too short to be a packfile|unexpected line in .*packed-refs|reference broken|did not send all necessary objects|pack has \d+ unresolved deltas/i,
  cure: ({ mirror }) =>
    `What is stored of the repository is broken. Delete ${mirror} (it only holds what can be fetched again) and deploy again.`,
}

const everywhere: readonly Rule[] = [
  {
    reason: 'git_missing',
    pattern: /spawn git ENOENT/,
    cure: () => 'git is not installed, or not in the PATH of deployhook: install it (apt install git).',
  },
  {
    reason: 'disk_full',
    pattern: /No space left on device|Disk quota exceeded/i,
    cure: () => 'The disk (or the quota) is full: make room; then it is deployed by itself.',
  },
  {
    reason: 'disk_failed',
    pattern: /Input\/output error/,
    cure: () => 'The disk could not read or write: look at the log of the kernel (dmesg), and deploy again.',
  },
  {
    reason: 'locked',
    pattern: /Unable to create '.*\.lock': File exists|cannot lock ref .*File exists/s,
    cure: () => 'Another git is at work there; deploy again when it has ended.',
  },
  {
    reason: 'resources_short',
    pattern: shortage,
    cure: () =>
      'The machine was short of open files, processes or memory: raise LimitNOFILE, TasksMax or MemoryMax of the service, or free some (dmesg tells what was killed for it), and deploy again.',
  },
  {
    reason: 'bad_objects',
    pattern: /fsck error|error in (?:commit|tree|tag|blob) [0-9a-f]+:/,
    cure: () => 'The repository holds an object that git refuses for safety; it has to be mended where it comes from.',
  },
]

const tooSlow: Rule = {
  reason: 'too_slow',
  pattern: /Operation too slow|transfer closed with .* remaining/,
  cure: () => 'The host sends too slowly, or stopped: deploy again later.',
}

const unreachable = () => 'The host cannot be reached, or went away in between: deploy again when it is back.'

/** The most particular first: several of these end with the same last line. */
const remoteRules: readonly Rule[] = [
  {
    reason: 'host_key',
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    cure: (where, output) =>
      `The host shows another key than the one in known_hosts: somebody may be in between, or the host has a new key. ${changedHostKeyCure(where, output)}`,
  },
  {
    reason: 'host_key',
    pattern: /Host key verification failed|host key is known for/,
    cure: (where, output) => `The host's key is not known here. ${hostKeyCure(where, output)}`,
  },
  {
    reason: 'auth',
    pattern: /UNPROTECTED PRIVATE KEY FILE|bad permissions/i,
    cure: () => 'ssh does not use a private key that others can read: chmod 600 the file.',
  },
  {
    reason: 'auth',
    pattern: /Load key .*(?:invalid format|error in libcrypto|incorrect passphrase)/,
    cure: () => 'The key file is damaged, is no private key, or needs a passphrase: use a key of its own, without one.',
  },
  {
    reason: 'auth',
    pattern: /Permission denied \(|Too many authentication failures|no such identity/,
    cure: () =>
      'The host does not take the key: add its public half to the repository as a deploy key, and name the private one in git.ssh_key.',
  },
  {
    reason: 'auth',
    pattern:
      /Authentication failed for|Invalid username or (?:password|token)|HTTP Basic: Access denied|returned error: 401/,
    cure: () =>
      'The host does not take the token: give a valid one that may read this repository as git.token (and git.username, where the host wants a certain one).',
  },
  {
    reason: 'auth',
    pattern: /could not read (?:Username|Password)/,
    cure: () =>
      'The host asks for a login: the repository is private, or not there. Give a token that may read it as git.token.',
  },
  {
    reason: 'auth',
    pattern: /returned error: 403|access denied|not authorized|unauthorized/i,
    cure: () => 'The login is known, but may not read this repository.',
  },
  {
    reason: 'dubious_ownership',
    pattern: /dubious ownership/,
    cure: () =>
      'git does not serve a repository that belongs to somebody else. deployhook allows exactly the paths that deploy.yml names as repo: name the directory itself there, without symbolic links.',
  },
  {
    reason: 'not_found',
    pattern:
      /repository .* not found|Repository not found|returned error: 404|could not be found or you don't have permission|does not appear to be a git repository|project .* not found|repository .* does not exist|Cannot find repository/i,
    cure: () =>
      'There is no such repository, or it is private and the key or token given does not open it (hosts do not tell which). Compare repo in deploy.yml, and git.ssh_key or git.token.',
  },
  tooSlow,
  {
    // curl's own numbers: https://curl.se/libcurl/c/libcurl-errors.html. TLS libraries tell of a lost connection, too.
    reason: 'network',
    pattern:
      /RPC failed; curl (?:7|16|18|28|52|55|56|92) |SSL_ERROR_SYSCALL|unexpected eof while reading|non-properly terminated|SSL_read: Connection/i,
    cure: unreachable,
  },
  {
    reason: 'tls',
    pattern: /SSL|certificate|gnutls|TLS/,
    cure: () =>
      'The host is not who it should be, or its certificate is not trusted here: install the authority that signed it in the system (update-ca-certificates).',
  },
  ...everywhere,
  storeBroken,
  {
    reason: 'network',
    pattern:
      /Could not resolve host|Name or service not known|Temporary failure in name resolution|Connection (?:refused|timed out|reset|closed)|Failed to connect|Couldn't connect|Network is unreachable|No route to host|Operation timed out|early EOF|RPC failed|hung up unexpectedly|returned error: (?:429|5\d\d)|unexpected disconnect|connect to host|Could not read from remote repository/i,
    cure: unreachable,
  },
  {
    reason: 'git_failed',
    pattern: /mismatched algorithms/,
    cure: () => 'The repository uses SHA-256 object names, which deployhook does not support yet.',
  },
]

const localRules: readonly Rule[] = [
  ...everywhere,
  storeBroken,
  {
    reason: 'path_unusable',
    pattern: /File name too long/i,
    cure: ({ path }) =>
      `The commit holds a name that the disk of ${path} cannot: most take 255 bytes for each file or directory. Rename it in the repository.`,
  },
  {
    reason: 'path_unusable',
    pattern: /Permission denied|Operation not permitted|Read-only file system|Not a directory|Is a directory/i,
    cure: ({ path }) =>
      `The user that runs deployhook must be able to write there. As root: install -d -o USER ${path}, or chown -R USER ${path} when it exists; USER is deployhook under its systemd unit.`,
  },
]

/** Progress (overwritten by `\r`), empty lines and control characters taken out. */
function tidy(output: string): string {
  const lines = output.split('\n').map((line) => line.trimEnd().split('\r').at(-1) ?? '')
  return lines
    .map((line) => line.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, ''))
    .filter((line) => line.trim() !== '')
    .join('\n')
}

/** A host may send back what it was sent, in the clear or as the header that carried it. */
function hide(text: string, secrets: readonly string[]): string {
  return maskText(
    secrets.map((secret) => new Secret(secret)),
    text,
  )
}

/** What git and the host said last, in one line of at most 400 characters; phrases that say nothing left out, and Node's stack when git could not be started. */
function lastWords(text: string): string {
  const telling = text.split('\n').filter((line) => !idle.test(line) && !lockAdvice.test(line))
  return telling.slice(-4).join(' · ').slice(-400)
}

const idle = /^(?:and the repository exists|Please make sure you have|From |@+$|\s*at \S+ \(.*\)$|\s*at node:)/

/** Five lines, which would leave no room for the one that names the lock. */
const lockAdvice =
  /^(?:Another git process seems to be|an editor opened by|are terminated then try again|may have crashed in this|remove the file manually)/

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
