import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import type { FailPoint } from '../lib/fail-point.ts'
import type { App } from '../model/deploy-map.ts'
import { runningAs } from './as-user.ts'
import { noCgroups, type Cgroups } from './cgroups.ts'
import type { RunCommand } from './command.ts'
import { deploy } from './deploy.ts'
import { noFloor, type DiskFloor } from './disk-floor.ts'
import { standInHome, type User } from './environment.ts'
import { processOnly, type Executor, type Executors } from './executors.ts'
import type { Systemd } from './health/index.ts'
import { handoverProblem } from './handover.ts'
import { createInPlace } from './in-place.ts'
import { identityOf } from './identity.ts'
import { failed, failedByMachine, orDiskFull } from './outcome.ts'
import { createKept } from './kept.ts'
import { createPast } from './past.ts'
import { createReleases, releasesOf, renameReleases } from './releases/index.ts'
import { openRun } from './run.ts'
import type { Runner } from './runner.ts'
import type { Strategy } from './strategy.ts'
import { createUnderway } from './underway.ts'
import type { Workspace } from './workspace.ts'

export type RunnerDeps = {
  /** `work/` in it holds nothing that outlives a command. */
  readonly stateDirectory: string
  /** The first part of every cookie. */
  readonly stateId: string
  readonly workspace: Workspace
  readonly run: RunCommand
  readonly failPoint: FailPoint
  /** The user that the daemon runs as. */
  readonly user: User
  readonly uid: number
  /** Outside the state directory, which other users cannot enter: what their commands are given lies in it. */
  readonly handover: string
  readonly clock: Clock
  /** Which units health checks may ask for. */
  readonly systemd: Systemd
  /** From SIGTERM to SIGKILL. */
  readonly graceMs?: number
  /** No floor unless given. */
  readonly floor?: DiskFloor
  /** Those that `run` starts its commands in; none unless given. */
  readonly cgroups?: Pick<Cgroups, 'cookies' | 'leftBehind' | 'release'>
  /** What runs the commands of an app; `run` alone unless given. */
  readonly executors?: Executors
}

/** Deployments on this machine; `deploy.ts` tells how one goes. */
export function createRunner(deps: RunnerDeps): Runner {
  const { stateDirectory, stateId, workspace, failPoint, user, uid, handover, graceMs = 10_000, floor = noFloor } = deps
  const { cgroups = noCgroups, executors = processOnly, clock } = deps
  const asChild = runningAs(deps.run)
  const work = join(stateDirectory, 'work')
  const kept = createKept(join(stateDirectory, 'kept'))
  const tools = {
    ...{ stateDirectory, workspace, clock, failPoint, graceMs, kept, floor, user, systemd: deps.systemd },
    underway: createUnderway(join(stateDirectory, 'underway')),
    scripts: join(work, 'steps'),
  }
  const strategies: Record<App['strategy'], Strategy> = {
    'in-place': createInPlace(workspace),
    releases: createReleases({ stateDirectory, workspace, failPoint, clock }),
  }

  const past = createPast({
    ...{ stateDirectory, stateId, executors, graceMs, kept, cgroups },
    underway: tools.underway,
  })

  return {
    async deploy(job, progress) {
      const paths = [stateDirectory, job.app.path]
      try {
        const found = await identityOf(job.app.runAs, { uid, handover })
        if (found.kind === 'problem') return failed('run_as_unusable', found.message)
        const runAs = found.kind === 'other' ? found.identity : null
        const notHanded = runAs === null ? null : await handoverProblem(runAs)
        if (notHanded !== null) return failed('run_as_unusable', notHanded)
        const executor = await executors.of(job.app)
        if (executor.kind === 'problem') return failed('executor_unusable', executor.message)
        const run = openRun(job, progress, { stateId, runAs })
        const strategy = strategies[job.app.strategy]
        const result = await deploy(run, { ...tools, ...runningBy(executor, asChild), strategy })
        return await orDiskFull(result, () => floor.full(paths))
      } catch (error) {
        const result = failedByMachine(error)
        if (result === null) throw error
        const full = result.reason === 'disk_full' ? await floor.full(paths) : null
        return full === null ? result : failed('disk_full', full)
      }
    },

    releases: (app) => releasesOf(app, stateDirectory),

    underway: () => past.underway(),
    endLeftovers: (goOn) => past.end(goOn, { scripts: tools.scripts, work, handover }),
    forget: (deployment) => past.forget(deployment),

    async rename(from, to) {
      await workspace.rename(from, to)
      await renameReleases(stateDirectory, { from, to })
      const [old, renamed] = [standInHome(stateDirectory, from), standInHome(stateDirectory, to)]
      if (existsSync(old) && !existsSync(renamed)) await rename(old, renamed)
    },
  }
}

/** A command that names no unit is the daemon's own, whatever runs the others. */
function runningBy(executor: Exclude<Executor, { kind: 'problem' }>, asChild: RunCommand) {
  if (executor.kind === 'process') return { units: null, run: asChild }
  const { units } = executor
  const run: RunCommand = (command, options) => {
    const { unit } = command
    return unit === undefined ? asChild(command, options) : units.run({ ...command, unit }, options)
  }
  return { units, run }
}
