import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { pause } from '../lib/pause.ts'
import { isWithin } from '../lib/path-within.ts'
import { leftoversIn } from './repository-files.ts'
import type { GitContext } from './workspace.ts'

/** Somebody else's git was still at work in a directory of ours when the deployment's time was up. */
export class LockHeld extends Error {
  override readonly name = 'LockHeld'
}

/** Waits as long as somebody else's living git holds a lock in one of our directories: only a dead one's is removed. */
export async function waitForOthers(directory: string, { signal, note }: GitContext): Promise<void> {
  let isNoted = false
  while ((await leftoversIn(directory)).length > 0) {
    const pid = otherGitIn(directory)
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
 * The process that has a file of the directory open under a lock's name, or the git whose arguments or working directory
 * lead there. Our own children do not count: they take no locks but under ours.
 */
export function otherGitIn(directory: string): number | null {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.find((pid) => pid !== process.pid && !isOurChild(pid) && isAtWorkIn(directory, pid)) ?? null
}

function isAtWorkIn(directory: string, pid: number): boolean {
  const open = look(() => readdirSync(`/proc/${pid}/fd`)) ?? []
  const files = open.map((fd) => look(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '')
  if (files.some((file) => file.endsWith('.lock') && isWithin(file, directory))) return true
  const [program = '', ...args] = (look(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '').split('\0')
  if (!/^git(?:-|$)/.test(basename(program))) return false
  const cwd = look(() => readlinkSync(`/proc/${pid}/cwd`))
  return (cwd !== null && isWithin(cwd, directory)) || args.some((arg) => arg.replace(/^--git-dir=/, '') === directory)
}

/** The parent is the second field after the name, which is in parentheses: proc_pid_stat(5). */
function isOurChild(pid: number): boolean {
  const stat = look(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? ''
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === process.pid
}

function look<T>(at: () => T): T | null {
  try {
    return at()
  } catch {
    return null // Ended meanwhile, or another user's.
  }
}
