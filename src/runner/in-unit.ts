import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { becomingProblem } from './becoming-problem.ts'
import type { Command, CommandOptions, CommandResult } from './command.ts'
import { Detached } from './detached.ts'
import { openNamedFifo, type Fifo } from './fifo.ts'
import { nulProblem } from './not-started.ts'
import { cookieName, liveProcesses, processStartedAs } from './processes.ts'
import type { ServiceManager, UnitFound } from './service-manager.ts'
import { stopReason } from './stop.ts'
import { supervise, type Exit } from './supervise.ts'
import type { Unit } from './unit.ts'
import { readMounts, unitCgroupOf } from './unit-cgroup.ts'
import {
  findUnitPrograms,
  keepAside,
  makeUnitFiles,
  takeUpAside,
  notesIn,
  unitFiles,
  type UnitFiles,
} from './unit-files.ts'
import { end, kinIn, withoutHolder } from './unit-kin.ts'
import type { UnitNotes } from './unit-script.ts'

export type InUnit = Command & { readonly unit: Unit }

/** Commands in units of systemd, by the contract of `RunCommand`. */
export type Units = {
  run(command: InUnit, options: CommandOptions): Promise<CommandResult>
  /** Goes on with a command that an earlier daemon has started in its unit; null: there is nothing of it any more. */
  attach(command: InUnit, options: CommandOptions): Promise<CommandResult | null>
  isThere(name: string): Promise<boolean>
  /** Ends what is left in a unit and forgets it. */
  release(name: string): Promise<void>
}

export type UnitsOf = {
  readonly manager: ServiceManager
  readonly stateId: string
  /** Holds a directory for each unit; made (0700) when needed. */
  readonly directory: string
}

export function createUnits({ manager, directory, stateId }: UnitsOf): Units {
  /** By which a unit is known to be of this state directory. */
  const mark = `(${stateId})`
  const isForeign = ({ description }: UnitFound): boolean => !description.endsWith(mark)
  const filesOf = (name: string) => unitFiles(join(directory, name))

  return {
    async run(command, options) {
      if (options.signal.aborted) return { kind: 'stopped', why: stopReason(options.signal), leftovers: 0 }
      const problem = nulProblem(command)
      if (problem !== null) return problem
      const programs = findUnitPrograms()
      if (programs === null)
        return unable('systemd needs the programs setsid and sleep: install util-linux and coreutils')
      const { unit } = command
      const files = filesOf(unit.name)
      let isLeft = unit.isHeld
      const fifo = await makeUnitFiles(files, { command, programs })
      try {
        const refused = await startIn(unit, { command, options, files })
        if (refused !== null) return unable(`systemd could not start ${unit.name}: ${refused}`)
        const result = (await seeToItsEnd(fifo, { command, options, files })) ?? stoppedByOthers
        isLeft ||= isKept(result, options)
        return result
      } catch (error) {
        isLeft ||= error instanceof Detached
        throw error
      } finally {
        fifo.close()
        if (!isLeft) await release(unit.name)
      }
    },

    async attach(command, options) {
      const files = filesOf(command.unit.name)
      if (!existsSync(files.output)) return null
      const fifo = openNamedFifo(files.output)
      try {
        await takeUpAside(options, files)
        return await seeToItsEnd(fifo, { command, options, files })
      } finally {
        fifo.close()
      }
    },

    isThere: async (name) => existsSync(filesOf(name).output) && (await manager.look(name)) !== null,
    release,
  }

  async function release(name: string): Promise<void> {
    const found = await manager.look(name).catch(() => null)
    if (found === null || !isForeign(found)) await manager.end(name)
    await rm(join(directory, name), { recursive: true, force: true })
  }

  /** What has its name already is of an attempt before this one, or it would be attached to. */
  async function startIn(unit: Unit, { command, options, files }: Begun): Promise<string | null> {
    const start = {
      description: `${unit.description} ${mark}`,
      properties: [...howItRuns(command, options), ...stdio(files), ...unit.properties],
      argv: ['/usr/bin/env', '-i', '/bin/sh', '-s'] as const,
    }
    const found = await manager.look(unit.name)
    if (found !== null && isForeign(found)) return `there is another unit of that name (${found.description})`
    if (found !== null) await manager.end(unit.name)
    return manager.start(unit.name, start)
  }

  async function seeToItsEnd(fifo: Fifo, begun: Begun): Promise<CommandResult | null> {
    const { command, options, files } = begun
    const { unit } = command
    const found = await manager.look(unit.name)
    if (found === null) return null
    const cgroup = unitCgroupOf(found.cgroup, readMounts())
    if (cgroup === null) throw new Error(`the cgroup of ${unit.name} cannot be seen: ${found.cgroup}`)
    await hasBegun(found, files)
    fifo.closeWriteEnd()
    const { signal, timeoutMs, graceMs, leave, background = 'kill' } = options
    const over = new AbortController()
    let last = found
    const exited = endOfMain(found, over.signal)
    const reading = fifo.read(options.onOutput)
    const outputFailed = reading.failed
    const own = withoutHolder(cgroup, files)
    const kin = kinIn(own, command.env[cookieName] ?? null)
    const leader = processStartedAs(found.pid)
    try {
      const ended = await supervise({
        ...{ leader, kin, cgroup: own, background, exited, outputFailed, signal, timeoutMs, graceMs },
        ...(leave === undefined ? {} : { leave }),
      })
      await reading.finish()
      const hit = cgroup.hit()
      const result = await judged(ended, { last, hit, notes: notesIn(files), begun })
      if (isKept(result, options)) await letGo(unit.name, files)
      return result
    } catch (error) {
      if (error instanceof Detached) {
        await reading.leave()
        await keepAside(await options.carry?.putAside(), files)
      }
      throw error
    } finally {
      over.abort()
    }

    async function endOfMain({ pid, end }: UnitFound, ended: AbortSignal): Promise<Exit> {
      if (end !== null) return end
      const main = processStartedAs(pid)
      for (let pauseMs = 2; !ended.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
        if (!isThere(main)) {
          const now = await manager.look(unit.name)
          last = now ?? last
          // Somebody has stopped the unit: what it was at has been ended by SIGTERM.
          if (now === null) return { kind: 'signalled', signal: 'SIGTERM' }
          if (now.end !== null) return now.end
        }
        await wait(pauseMs, undefined, { signal: ended }).catch(() => undefined)
      }
      return { kind: 'signalled', signal: 'SIGTERM' } // nobody asks any more
    }
  }

  /** What is to stay keeps the unit, which is over when that ends; who held the pipe goes. */
  async function letGo(name: string, files: UnitFiles): Promise<void> {
    const { holder } = notesIn(files)
    if (holder !== null) end(holder)
    await rm(join(directory, name), { recursive: true, force: true })
  }
}

/** Its first process has what it is given: its output goes to the pipe, and the script, which holds secrets, is read. */
async function hasBegun({ pid, end }: UnitFound, files: UnitFiles): Promise<void> {
  const main = processStartedAs(pid)
  for (
    let pauseMs = 1;
    end === null && !notesIn(files).hasEntered && isThere(main);
    pauseMs = Math.min(pauseMs * 2, 50)
  )
    await wait(pauseMs)
  await rm(files.script, { force: true })
}

/** As `systemctl stop` ends it. */
const stoppedByOthers: CommandResult = { kind: 'signalled', signal: 'SIGTERM', leftovers: 0 }

const longestPauseMs = 100

type Begun = { readonly command: InUnit; readonly options: CommandOptions; readonly files: UnitFiles }

/** Like a child of the daemon, as far as that can be told here; see systemd.service(5) and systemd.exec(5). */
function howItRuns({ unit, user }: InUnit, { background, graceMs }: CommandOptions): readonly string[] {
  return [
    // It is there until nobody is in it any more, and then still tells how its first process ended.
    ...['Type=simple', 'ExitType=cgroup', `RemainAfterExit=${background === 'keep' ? 'no' : 'yes'}`],
    // Whom the kernel ends for want of memory is enough: the others tell what came of it.
    ...['OOMPolicy=continue', 'IgnoreSIGPIPE=no', 'UMask=0022', 'WorkingDirectory=/'],
    `TimeoutStopSec=${Math.max(graceMs, 1)}ms`,
    ...(unit.endsAfterMs === null ? [] : [`RuntimeMaxSec=${unit.endsAfterMs}ms`]),
    ...(user === undefined ? [] : [`User=${user.name}`]),
  ]
}

function stdio({ script, output, notes }: UnitFiles): readonly string[] {
  return [`StandardInput=file:${script}`, `StandardOutput=file:${output}`, `StandardError=file:${notes}`]
}

function isThere({ pid, startedAt }: { readonly pid: number; readonly startedAt: number }): boolean {
  return liveProcesses([pid]).some((one) => one.startedAt === startedAt)
}

/** What it has left running is to stay. */
function isKept(result: CommandResult, { background }: CommandOptions): boolean {
  return background === 'keep' && result.kind === 'exited' && result.exitCode === 0
}

type Seen = {
  readonly last: UnitFound
  readonly hit: NonNullable<Extract<CommandResult, { kind: 'exited' }>['hit']>
  readonly notes: UnitNotes
  readonly begun: Begun
}

async function judged(result: CommandResult, { last, hit, notes, begun }: Seen): Promise<CommandResult> {
  if (result.kind !== 'exited' && result.kind !== 'signalled') return result
  const { command, options } = begun
  if (last.hasTimedOut) {
    const why = options.signal.aborted ? stopReason(options.signal) : options.timeoutMs === null ? 'timed_out' : 'limit'
    return { kind: 'stopped', why, leftovers: result.leftovers }
  }
  if (notes.holder === null && result.kind === 'exited')
    return unable(
      `systemd could not start ${command.unit.name} (status ${result.exitCode}): journalctl -u ${command.unit.name} tells more`,
    )
  const problem = result.kind === 'exited' ? await becomingProblem(command, { ...result, ...notes }) : null
  return problem ?? { ...result, hit }
}

function unable(message: string): CommandResult {
  return { kind: 'not_started', reason: 'spawn_failed', message }
}
