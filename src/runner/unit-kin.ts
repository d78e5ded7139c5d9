import type { Kin } from './kin.ts'
import { cookieOf, isListed, liveProcesses } from './processes.ts'
import type { UnitCgroup } from './unit-cgroup.ts'
import { notesIn, type UnitFiles } from './unit-files.ts'

export type WithoutHolder = Pick<UnitCgroup, 'pids' | 'kill'> & {
  /** Only in the unit: a note may have become another process's number, or be a step's invention. */
  endHolder(): void
}

/** Who holds the pipe is neither found nor ended with the command. */
export function withoutHolder(cgroup: Pick<UnitCgroup, 'pids'>, files: UnitFiles): WithoutHolder {
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
    endHolder() {
      const { holder: noted } = notesIn(files)
      if (noted !== null && cgroup.pids().has(noted)) end(noted)
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

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Ended meanwhile.
  }
}
