import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { pause } from '../lib/pause.ts'
import { isWithin } from '../lib/path-within.ts'
import { realPath } from '../lib/real-path.ts'
import { isScarcity } from '../lib/scarcity.ts'
import { readRegular } from './read-regular.ts'
import { exists, leftoversIn } from './repository-files.ts'
import type { GitContext } from './workspace.ts'

/** Somebody else's git was still at work in a directory of ours when the deployment's time was up. */
export class LockHeld extends Error {
  override readonly name = 'LockHeld'
}

/** Waits as long as somebody else's living git holds a lock in one of our directories: only a dead one's is removed. */
export async function waitForOthers(directory: string, { signal, note }: GitContext): Promise<void> {
  let isNoted = false
  while ((await leftoversIn(directory)).length > 0) {
    const pid = await otherGitIn(directory)
    if (pid === null) return
    const who = `process ${pid}, which deployhook did not start,`
    if (signal.aborted)
      throw new LockHeld(`${who} holds a lock in ${directory}: end it (or let it end), and deploy again.`)
    if (!isNoted) await note(`git: ${who} holds a lock in ${directory}; waiting for it`)
    isNoted = true
    await pause(250, signal)
  }
}

/**
 * The process that has a file of the directory open under a lock's name, or the git that works there: git closes some of
 * its locks long before it gives them up. Our own children do not count: they take no locks but under ours.
 */
export async function otherGitIn(directory: string): Promise<number | null> {
  const real = realPath(directory)
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    if (pid === process.pid || isOurChild(pid)) continue
    if (hasLockOpen(pid, real) || (await isGitIn(pid, real))) return pid
  }
  return null
}

function hasLockOpen(pid: number, directory: string): boolean {
  const open = look(() => readdirSync(`/proc/${pid}/fd`)) ?? []
  const files = open.map((fd) => look(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '')
  return files.some((file) => file.endsWith('.lock') && isWithin(file, directory))
}

/** Whether it is a git that was told of the directory in one of the ways that git takes: arguments, variables, where it is. */
async function isGitIn(pid: number, directory: string): Promise<boolean> {
  const [program = '', ...args] = textsIn(pid, 'cmdline')
  if (!/^git(?:-|$)/.test(basename(program))) return false
  const cwd = look(() => readlinkSync(`/proc/${pid}/cwd`)) ?? '/'
  const environment = textsIn(pid, 'environ')
  const valueOf = (name: string) => environment.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1)
  const told = [
    ...args.slice(0, maxArguments).map((arg) => arg.replace(/^--git-dir=/, '')),
    ...variables.map((name) => valueOf(name) ?? ''),
  ].filter((path) => path !== '')
  // It may have gone to the top of its work tree, while what it was told is meant from where it began.
  const begunIn = valueOf('PWD') ?? cwd
  const fromThere = told.map((path) => resolve(begunIn, path)).filter((path) => existsSync(path))
  const paths = [cwd, ...told.map((path) => resolve(cwd, path)), ...fromThere]
  return [...paths, await repositoryAround(cwd)].some((path) => isWithin(realPath(path), directory))
}

/** Each with one path: https://git-scm.com/docs/git#_environment_variables */
const variables = ['GIT_DIR', 'GIT_COMMON_DIR', 'GIT_INDEX_FILE', 'GIT_OBJECT_DIRECTORY']

/** What comes after that many are files to work on, which may be a hundred thousand. */
const maxArguments = 100

/** What a git that is told of no repository takes: `.git` in its directory or above, which in a linked worktree is a file that names it. */
async function repositoryAround(directory: string): Promise<string> {
  for (let at = directory; ; at = dirname(at)) {
    const file = join(at, '.git')
    const named = /^gitdir: (.+?)\n*$/.exec(await readRegular(file, 65_536))?.[1]
    if (named !== undefined) return resolve(at, Buffer.from(named, 'latin1').toString('utf8'))
    if ((await exists(file)) || at === '/') return file
  }
}

/** The parent is the second field after the name, which is in parentheses: proc_pid_stat(5). */
function isOurChild(pid: number): boolean {
  const stat = look(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? ''
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === process.pid
}

function textsIn(pid: number, file: 'cmdline' | 'environ'): readonly string[] {
  return (look(() => readFileSync(`/proc/${pid}/${file}`, 'utf8')) ?? '').split('\0')
}

function look<T>(at: () => T): T | null {
  try {
    return at()
  } catch (error) {
    if (isScarcity(error)) throw error // It may well be there.
    return null // Ended meanwhile, or another user's.
  }
}
