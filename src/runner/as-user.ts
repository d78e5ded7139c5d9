import { constants } from 'node:fs'
import { chmod, chown, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { shellQuoted } from '../lib/shell.ts'
import { notEntered } from './becoming-problem.ts'
import type { Command, CommandResult, RunCommand } from './command.ts'
import { openHandover } from './handover.ts'
import { becoming, type Identity } from './identity.ts'
import { notStartedAs } from './not-started-as.ts'

/**
 * The same function, for commands of another user too. Those begin as root in setpriv(1), which takes the user, and becomes a short script
 * (`start`), which goes to the working directory, as that user, who could exchange it for a link under the hands of root, and becomes
 * the command.
 */
export function runningAs(run: RunCommand): RunCommand {
  return async (command, options) => {
    const { user, ...own } = command
    if (user === undefined) return run(own, options)
    const handed = await handOver(command, user)
    try {
      const argv = [...becoming(user), '/bin/sh', handed.start, command.cwd, ...command.argv] as const
      const result = await run({ ...command, argv, cwd: '/', env: outsideEnv(command.env) }, options)
      return await asWithoutIt(result, { command, user, reached: await handed.reached() })
    } finally {
      await handed.remove()
    }
  }
}

/** How far a command of the user came before it was itself; kept in a file that only root and the user can write to. */
type Reached = 'nothing' | 'user' | 'directory'

async function asWithoutIt(
  result: CommandResult,
  { command, user, reached }: { readonly command: Command; readonly user: Identity; readonly reached: Reached },
): Promise<CommandResult> {
  if (result.kind !== 'exited' || result.exitCode === 0) return result
  if (reached === 'nothing')
    return unable(
      'spawn_failed',
      `setpriv could not make it run as ${user.name}: see its output; a service needs CAP_SETUID and CAP_SETGID for that`,
    )
  if (reached === 'user') return { kind: 'not_started', ...notEntered(command) }
  // How a shell ends that cannot become what it is to become.
  if (result.exitCode !== 126 && result.exitCode !== 127) return result
  return (await notStartedAs(user, command)) ?? result
}

function unable(reason: 'spawn_failed', message: string): CommandResult {
  return { kind: 'not_started', reason, message }
}

/** What is made for one command, in a directory of root's. */
async function handOver({ env }: Command, user: Identity) {
  const { handover, uid, gid } = user
  await openHandover(handover)
  const own = await mkdtemp(join(handover, 'command-'))
  await chmod(own, 0o711)
  const [start, reached] = [join(own, 'start'), join(own, 'reached')]
  const texts = [
    { file: start, text: startScript(env), mode: 0o400 },
    { file: reached, text: '', mode: 0o600 },
  ]
  for (const { file, text, mode } of texts) {
    await writeFile(file, text, { mode, flag: 'wx' })
    await chown(file, uid, gid)
  }
  return {
    start,
    reached: () => reachedIn(reached),
    remove: () => rm(own, { recursive: true, force: true }),
  }
}

/** It ends before `exec` where the user may not be; what root must not have been told (see below) is set here. */
function startScript(env: Command['env']): string {
  const inside = Object.entries(env).filter(([name]) => isForTheLoader(name))
  const exports = inside.map(([name, value]) => `export ${name}=${shellQuoted(value)}\n`)
  return `umask 022
reached="\${0%/start}/reached"
echo user >"$reached"
cd -- "$1" 2>/dev/null || exit 126
echo directory >>"$reached"
unset reached OLDPWD
shift
${exports.join('')}exec "$@"
`
}

/** The user may have written more than that into it. */
async function reachedIn(path: string): Promise<Reached> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(32))
    const text = buffer.toString('latin1', 0, bytesRead)
    if (text.startsWith('user\ndirectory\n')) return 'directory'
    return text.startsWith('user\n') ? 'user' : 'nothing'
  } finally {
    await file.close()
  }
}

/**
 * What setpriv, which is root at first, is told. Not what makes a program load code or data from where a variable says, which may be
 * where the user can write: what the libc itself takes from a program with more rights than who started it.
 * https://sourceware.org/git/?p=glibc.git;a=blob;f=sysdeps/generic/unsecvars.h
 */
function outsideEnv(env: Command['env']): Command['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isForTheLoader(name)))
}

function isForTheLoader(name: string): boolean {
  return /^(?:LD_|MALLOC_|NSS_|SYSTEMD_)/.test(name) || loaderNames.has(name)
}

const loaderNames: ReadonlySet<string> = new Set([
  ...['GCONV_PATH', 'GETCONF_DIR', 'GLIBC_TUNABLES', 'HOSTALIASES', 'LOCALDOMAIN', 'LOCPATH', 'NIS_PATH', 'NLSPATH'],
  ...['RESOLV_HOST_CONF', 'RES_OPTIONS', 'TZDIR', 'OPENSSL_CONF', 'OPENSSL_MODULES', 'OPENSSL_ENGINES'],
])
