import { statSync } from 'node:fs'
import { cgroupOf, type Cgroup } from './cgroup.ts'
import { cookieOf, isListed, isStarting, liveProcesses, type Look, type Process } from './processes.ts'

/** A file by its place on the machine, whatever it is called. */
export type FileId = { readonly device: number; readonly inode: number }

export type KinOf = {
  /** The command's first process, which leads a session and a process group of its own. */
  readonly leader: Process
  /** null: it has none. */
  readonly cookie: string | null
  /** The pipe that it writes to. */
  readonly output: FileId
  /** It begins in it; without one, nobody is found by it. */
  readonly cgroup?: Pick<Cgroup, 'pids'>
}

/** What is alive of a command at this moment. */
export type Kin = () => Look

/**
 * Finds what a command started, by whatever mark a process has not got rid of: its cgroup, its session, its process
 * group, its cookie, its parent, or the output that it still holds open. It remembers whom it found, so that one that has lost
 * all of these since is still known: the more often it looks, the less can escape. A process that started before the
 * leader cannot be one of them.
 */
export function createKin({ leader, cookie, output, cgroup = cgroupOf([]) }: KinOf): Kin {
  let known = new Set<string>()
  return () => {
    const younger = liveProcesses().filter(({ startedAt }) => startedAt >= leader.startedAt)
    // Looked at last: who has begun since the processes were listed is in it, so that nobody slips in between.
    const members = cgroup.pids()
    const kin = new Set(younger.filter((one) => members.has(one.pid) || isMarked(one)))
    for (let before = -1; kin.size > before;) {
      before = kin.size
      const pids = new Set([...kin].map(({ pid }) => pid))
      for (const one of younger) if (pids.has(one.parent) || pids.has(one.session)) kin.add(one)
    }
    known = new Set([...kin].map(identityOf))
    const isAnyUnknown = !isListed(members, kin) || younger.some((one) => !kin.has(one) && isStarting(one))
    return { found: [...kin], isSure: !isAnyUnknown }
  }

  function isMarked(one: Process): boolean {
    if (one.session === leader.pid || one.group === leader.pid || known.has(identityOf(one))) return true
    return (cookie !== null && cookieOf(one.pid) === cookie) || writesTo(one.pid, output)
  }
}

function identityOf({ pid, startedAt }: Process): string {
  return `${pid} ${startedAt}`
}

function writesTo(pid: number, { device, inode }: FileId): boolean {
  return [1, 2].some((descriptor) => {
    try {
      const { dev, ino } = statSync(`/proc/${pid}/fd/${descriptor}`)
      return dev === device && ino === inode
    } catch {
      return false // Closed, ended meanwhile, or another user's.
    }
  })
}
