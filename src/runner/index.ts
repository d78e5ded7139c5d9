import { existsSync, lstatSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { lengthOf } from '../lib/ago.ts'
import type { FailPoint } from '../lib/fail-point.ts'
import type { App } from '../model/deploy-map.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import { shortRef } from '../model/ref.ts'
import { kindAndName, kindOfRef, refsOf, refToDeploy } from '../model/ref-filter.ts'
import type { Revision } from '../model/revision.ts'
import { noCgroups, type Cgroups } from './cgroups.ts'
import type { RunCommand } from './command.ts'
import { noFloor, type DiskFloor } from './disk-floor.ts'
import { standInHome, type User } from './environment.ts'
import { usableHome } from './home.ts'
import { diskWasFull, failed, isDiskFull, lowDisk, orDiskFull, stoppedResult } from './outcome.ts'
import { createKept } from './kept.ts'
import { endProcesses } from './processes.ts'
import type { Job, Progress, Runner } from './runner.ts'
import { runSteps } from './steps.ts'
import { stopReason } from './stop.ts'
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
  /** From SIGTERM to SIGKILL. */
  readonly graceMs?: number
  /** No floor unless given. */
  readonly floor?: DiskFloor
  /** Those that `run` starts its commands in; none unless given. */
  readonly cgroups?: Pick<Cgroups, 'cookies' | 'leftBehind' | 'release'>
}

/** A deployment on this machine, in this order: fetch, name the commit, check it out, run the steps, remember the tree. */
export function createRunner(deps: RunnerDeps): Runner {
  const { stateDirectory, stateId, workspace, run, failPoint, user, graceMs = 10_000, floor = noFloor } = deps
  const { cgroups = noCgroups } = deps
  const work = join(stateDirectory, 'work')
  const scripts = join(work, 'steps')
  const kept = createKept(join(stateDirectory, 'kept'))

  return {
    async deploy(job, progress) {
      const paths = [stateDirectory, job.app.path]
      try {
        return orDiskFull(await deployOnce(job, progress), await floor.full(paths))
      } catch (error) {
        if (!isDiskFull(error)) throw error
        return failed('disk_full', (await floor.full(paths)) ?? diskWasFull(error))
      }
    },

    async endLeftovers() {
      const spared = await kept.alive(cgroups.cookies())
      const cgroup = cgroups.leftBehind(spared)
      const ended = await endProcesses(`${stateId}.`, { graceMs, spared, cgroup })
      cgroups.release(cgroup)
      await rm(work, { recursive: true, force: true })
      return ended
    },

    async rename(from, to) {
      await workspace.rename(from, to)
      const [old, renamed] = [standInHome(stateDirectory, from), standInHome(stateDirectory, to)]
      if (existsSync(old) && !existsSync(renamed)) await rename(old, renamed)
    },
  }

  async function deployOnce(job: Job, progress: Progress): Promise<DeploymentResult> {
    const { app, deployment, attempt, signal } = job
    const startedAt = performance.now()
    const cookie = `${stateId}.${deployment.id}.${attempt}`
    const context = { signal, cookie, note: (text: string) => progress.note(text) }
    const stoppedIn = (where: string) => (signal.aborted ? stoppedResult(stopReason(signal), { where, app }) : null)

    const paths = [stateDirectory, app.path]
    const noRoomFor = async (what: string) => lowDisk(await floor.roomFor(paths), what)

    const before = stoppedIn('its start') ?? (await noRoomFor('the fetch'))
    if (before) return before
    const ref = refToDeploy(app, deployment.ref)
    if (ref === null) return unwanted(job)
    await progress.note(`fetching ${shortRef(ref)} of ${app.repo.url}`)
    const fetched = await workspace.fetch(app, { ...context, ref })
    if (fetched.kind === 'stopped') return stoppedResult(fetched.why, { where: 'the fetch', app })
    if (fetched.kind === 'failed') return failed(fetched.reason, fetched.message)
    if (fetched.kind === 'branch_gone') return refGone(app, ref)

    const { revision } = fetched
    await nameRevision(revision, { deployment, ref, progress })
    const skip = await job.skip(revision, {
      changedSince: (from) => workspace.changedFiles(app, { from, to: revision }, context),
      message: () => workspace.messageOf(app, revision, context),
    })
    if (skip) return { outcome: 'skipped', ...skip }

    const afterFetch = stoppedIn('the fetch') ?? (await noRoomFor('the checkout'))
    if (afterFetch) return afterFetch
    await progress.note(`checking out ${short(revision)} in ${app.path}`)
    const adopt = app.adopt || deployment.adopt
    const checkedOut = await workspace.checkout(app, revision, { ...context, ref, deployment: deployment.id, adopt })
    if (checkedOut.kind === 'stopped') return stoppedResult(checkedOut.why, { where: 'the checkout', app })
    if (checkedOut.kind === 'failed') return failed(checkedOut.reason, checkedOut.message)

    failPoint('before-steps')
    const home = await usableHome(user.home, standInHome(stateDirectory, app.name))
    const { previousRevision } = job
    const seen = { app, deployment: deployment.id, ref, cookie, revision, previousRevision, user, home }
    const failure = await runSteps({
      ...{ context: seen, attempt, progress, signal, failPoint, graceMs },
      ...{ run, scripts, kept, floor, paths },
    })
    if (failure) return failure
    failPoint('after-steps')
    if (!isDirectory(app.path)) return failed('tree_missing', `${app.path} is not there any more: a step removed it`)

    const afterSteps = stoppedIn('its end')
    if (afterSteps) return afterSteps
    try {
      await workspace.recordBuilt(app, context)
    } catch (error) {
      if (!signal.aborted) throw error
    }
    return stoppedIn('its end') ?? succeeded(app, { ref, revision, tookMs: performance.now() - startedAt })
  }
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function unwanted({ app, deployment }: Job): DeploymentResult {
  const message = `${app.name} does not deploy ${kindAndName(deployment.ref)} any more, but ${refsOf(app)}`
  return { outcome: 'skipped', reason: 'ref_unwanted', message }
}

function refGone(app: App, ref: string): DeploymentResult {
  const message = `there is no ${kindAndName(ref)} at ${app.repo.url} (any more), so nothing was deployed`
  return { outcome: 'skipped', reason: 'branch_gone', message }
}

async function nameRevision(
  revision: Revision,
  { deployment, ref, progress }: Pick<Job, 'deployment'> & { readonly ref: string; readonly progress: Progress },
): Promise<void> {
  await progress.revision(revision)
  const moved = deployment.requestedRevision !== null && deployment.requestedRevision !== revision
  const asked = moved
    ? `; ${short(deployment.requestedRevision)} was asked for, and the ${kindOfRef(ref)} is elsewhere by now`
    : ''
  await progress.note(`${shortRef(ref)} is at ${short(revision)}${asked}`)
}

function succeeded(
  app: App,
  { ref, revision, tookMs }: { readonly ref: string; readonly revision: Revision; readonly tookMs: number },
): DeploymentResult {
  const steps = app.steps.length === 1 ? '1 step' : `${app.steps.length} steps`
  const message = `${shortRef(ref)} at ${short(revision)} is live in ${app.path}, after ${steps} and ${lengthOf(tookMs)}`
  return { outcome: 'succeeded', reason: null, message }
}

function short(revision: Revision): string {
  return revision.slice(0, 12)
}
