import { readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { isScarcity } from '../lib/scarcity.ts'

/** A control group: what begins in it stays in it, whatever else it gets rid of. See cgroups(7). */
export type Cgroup = {
  /** Who is in it at this moment, or in a cgroup below it. */
  pids(): ReadonlySet<number>
  /** SIGKILL for all of them at once, which no fork can outrun. Linux 5.14 and later; before, it does nothing. */
  kill(): void
  /** false: somebody is still in it. */
  remove(): boolean
}

/** Some directories of cgroup v2, as one. */
export function cgroupOf(directories: readonly string[]): Cgroup {
  /** One that holds this process itself tells nothing, and must not be ended. */
  const pids = () => {
    const found = new Set(directories.flatMap(withThoseBelow).flatMap(membersOf))
    return found.has(process.pid) ? new Set<number>() : found
  }
  return {
    pids,
    kill() {
      try {
        if (pids().size === 0) return
        for (const directory of directories) writeFileSync(join(directory, 'cgroup.kill'), '1')
      } catch {
        // Gone, an older kernel, or no descriptor left: whoever asked signals each of them, and looks again.
      }
    },
    remove() {
      try {
        return directories.flatMap(withThoseBelow).toReversed().map(isRemoved).every(Boolean)
      } catch {
        return false // No descriptor left to look below it.
      }
    },
  }
}

/** The cgroup of a command may have others in it, made by the command. Those above come first. */
function withThoseBelow(directory: string): readonly string[] {
  const entries = orGone(() => readdirSync(directory, { withFileTypes: true })) ?? []
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name))
  return [directory, ...below.flatMap(withThoseBelow)]
}

/** A process that is not of this pid namespace stands in it as 0. */
function membersOf(directory: string): readonly number[] {
  const text = orGone(() => readFileSync(join(directory, 'cgroup.procs'), 'utf8')) ?? ''
  const pids = text.split('\n').map(Number)
  return pids.filter((pid) => pid > 0)
}

function isRemoved(directory: string): boolean {
  try {
    rmdirSync(directory)
    return true
  } catch (error) {
    return errorCode(error) === 'ENOENT'
  }
}

function orGone<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (isScarcity(error)) throw error // It may well be there.
    return null
  }
}
