import type { Kin } from './kin.ts'
import { cookieOf, isListed, liveProcesses } from './processes.ts'
import type { UnitCgroup } from './unit-cgroup.ts'
import { notesIn, type UnitFiles } from './unit-files.ts'

/** Who holds the pipe is neither found nor ended with the command. */
export function withoutHolder(cgroup: UnitCgroup, files: UnitFiles): Pick<UnitCgroup, 'pids' | 'kill'> {
  let holder: number | null = null
  const pids = () => {
    holder ??= notesIn(files).holder
    return new Set([...cgroup.pids()].filter((pid) => pid !== holder))
  }
  return {
    pids,
    kill() {
      for (let round = 0; round < killRounds; round++) {
        const members = pids()
        if (members.size === 0) return
        for (const pid of members) end(pid)
      }
    },
  }
}

/** Enough for those that fork while they are ended; what outruns even that is ended with the unit. */
const killRounds = 5

/** What is alive in a unit; nothing that begins in it gets out, but what is given the rights of root there. */
export function kinIn(cgroup: Pick<UnitCgroup, 'pids'>, cookie: string | null): Kin {
  return () => {
    const live = liveProcesses()
    const members = cgroup.pids()
    const found = live.filter(({ pid }) => members.has(pid) || (cookie !== null && cookieOf(pid) === cookie))
    return { found, isSure: isListed(members, found) }
  }
}

export function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Ended meanwhile.
  }
}
