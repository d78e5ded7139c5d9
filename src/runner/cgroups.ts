import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import type { Log } from '../lib/log.ts'
import { cgroupOf, type Cgroup } from './cgroup.ts'
import { ownCgroup } from './own-cgroup.ts'

/** A cgroup for each command, below the daemon's own. */
export type Cgroups = {
  /** Calls `start`: what it starts before it returns begins in a cgroup of its own, or in none if none can be had. */
  start<T>(cookie: string, start: () => T): { readonly started: T; readonly cgroup: Cgroup }
  /** Removes the cgroup of a command, now or once nobody is in it any more. */
  release(cgroup: Cgroup): void
  /** The cookies of all commands of this state directory that still have somebody in their cgroup. */
  cookies(): ReadonlySet<string>
  /** The cgroups of an earlier daemon of this state directory, but for those of the commands with a cookie of `spared`. */
  leftBehind(spared: ReadonlySet<string>): Cgroup
  close(): void
}

/** Where there are none, each command has an empty one: nobody is ever found in it. */
export const noCgroups: Cgroups = {
  start: (_, start) => ({ started: start(), cgroup: cgroupOf([]) }),
  release: () => undefined,
  cookies: () => new Set(),
  leftBehind: () => cgroupOf([]),
  close: () => undefined,
}

export type CgroupsOf = { readonly stateId: string; readonly log: Log }

/**
 * Takes possession of the daemon's cgroup if it may make others below it: as root, or with `Delegate=` in its unit.
 * `noCgroups`, with the reason in the log: it may not, or there is no cgroup v2.
 */
export function openCgroups({ stateId, log }: CgroupsOf): Cgroups {
  const own = findOwn()
  if (own === null) {
    log.debug({}, 'commands get no cgroup of their own: the daemon is in none of version 2')
    return noCgroups
  }
  try {
    return openCgroupsIn(own, { stateId, log })
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    log.info(
      { cgroup: own, code },
      'commands get no cgroup of their own; Delegate= in the unit of the daemon, without ProtectControlGroups=, gives them one',
    )
    return noCgroups
  }
}

function findOwn(): string | null {
  try {
    const membership = readFileSync('/proc/self/cgroup', 'utf8')
    return ownCgroup({ membership, mounts: readFileSync('/proc/self/mountinfo', 'utf8') })
  } catch {
    return null // No Linux, or no /proc.
  }
}

/** `own`: the directory of the cgroup of this process. Throws the system's error unless it can go below it, and back. */
export function openCgroupsIn(own: string, { stateId, log }: CgroupsOf): Cgroups {
  const prefix = `deployhook.${stateId}.`
  // Open from here on: the way back must not fail for want of a descriptor.
  const home = openSync(join(own, 'cgroup.procs'), 'r+')
  const released = new Set<Cgroup>()
  let count = 0
  try {
    const directory = make(`${stateId}.trial`)
    try {
      enter(directory)
      goHome()
    } finally {
      cgroupOf([directory]).remove()
    }
  } catch (error) {
    closeSync(home)
    throw error
  }
  for (const { directory } of ofThisState()) cgroupOf([directory]).remove()

  /**
   * Nobody can place a process between its fork and its exec from here, and to place it afterwards is too late: by then
   * it may have children. So the daemon itself is where the process is to begin, for the half millisecond of its start.
   */
  return {
    start(cookie, start) {
      const directory = makeAndEnter(cookie)
      if (directory === null) return noCgroups.start(cookie, start)
      try {
        return { started: start(), cgroup: cgroupOf([directory]) }
      } finally {
        comeBack(directory)
      }
    },
    release(cgroup) {
      released.add(cgroup)
      removeReleased()
    },
    cookies: () => new Set(ofThisState().flatMap(({ cookie, directory }) => (isEmpty(directory) ? [] : [cookie]))),
    leftBehind: (spared) =>
      cgroupOf(ofThisState().flatMap(({ cookie, directory }) => (spared.has(cookie) ? [] : [directory]))),
    close() {
      removeReleased()
      closeSync(home)
    },
  }

  function makeAndEnter(cookie: string): string | null {
    let directory = null
    try {
      directory = make(cookie)
      enter(directory)
      return directory
    } catch (error) {
      log.debug({ code: errorCode(error) }, 'a command gets no cgroup of its own')
      if (directory !== null) cgroupOf([directory]).remove()
      return null
    }
  }

  function make(cookie: string): string {
    for (;;) {
      const directory = join(own, `deployhook.${cookie}.${++count}`)
      try {
        mkdirSync(directory)
        return directory
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error // That one is of an earlier daemon.
      }
    }
  }

  function goHome(): void {
    writeSync(home, '0')
  }

  function comeBack(directory: string): void {
    try {
      goHome()
    } catch (error) {
      // Until the next start brings it back, nobody is found or ended by this cgroup: see cgroup.ts.
      log.error({ err: error, cgroup: directory }, 'the daemon could not leave the cgroup of a command')
    }
  }

  function removeReleased(): void {
    for (const cgroup of released) if (cgroup.remove()) released.delete(cgroup)
  }

  function ofThisState(): readonly { readonly cookie: string; readonly directory: string }[] {
    return readdirSync(own).flatMap((name) => {
      if (!name.startsWith(prefix)) return []
      return [{ cookie: name.slice('deployhook.'.length, name.lastIndexOf('.')), directory: join(own, name) }]
    })
  }
}

/** 0: the process that writes it. */
function enter(directory: string): void {
  writeFileSync(join(directory, 'cgroup.procs'), '0', { flag: 'r+' })
}

function isEmpty(directory: string): boolean {
  return cgroupOf([directory]).pids().size === 0
}
