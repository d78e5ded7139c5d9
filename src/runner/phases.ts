import { join } from 'node:path'
import { isDirectory } from '../lib/is-directory.ts'
import { stepsOf, type Step } from '../model/deploy-map.ts'
import type { DeploymentResult, Phase } from '../model/deployment.ts'
import { phasesOf } from '../model/phases.ts'
import { noFloor } from './disk-floor.ts'
import { standInHome, type StepContext, type User } from './environment.ts'
import type { Systemd } from './health/index.ts'
import { ownHome, usableHome, usableHomeOf } from './home.ts'
import { judgeHealth } from './judge-health.ts'
import { failed } from './outcome.ts'
import { judgePreview } from './preview.ts'
import { stoppedIn, type Run } from './run.ts'
import { placeOf, runSteps, type StepsRun, type StepTools } from './steps.ts'
import { ended, type Prepared, type Strategy, type Version } from './strategy.ts'
import { syncDisk } from './sync-disk.ts'
import { isPast, type StepPhase } from './underway.ts'
import type { Workspace } from './workspace.ts'

export type Tools = StepTools & {
  readonly stateDirectory: string
  readonly workspace: Workspace
  readonly strategy: Strategy
  /** The user that the daemon runs as. */
  readonly user: User
  readonly systemd: Systemd
}

/** Runs the build in what has been prepared, unless that has been done. */
export async function built(
  prepared: Prepared,
  { run, tools }: { readonly run: Run; readonly tools: Tools },
): Promise<Prepared> {
  if (prepared.kind === 'ended' || prepared.isBuilt) return prepared
  const { version } = prepared
  const of = { version, run, tools }
  tools.failPoint('before-steps')
  const failure =
    (await runPhase('build', of)) ??
    (await runPhase('before_switch', of)) ??
    treeProblem(version) ??
    (await lookAtPreview(of))
  if (failure) return ended(failure)
  tools.failPoint('after-steps')
  const unsynced = await syncDisk(version.directory, { run, tools })
  if (unsynced) return ended(unsynced)
  await tools.strategy.seal(run, version)
  return prepared
}

/** Makes it live, and sees that it is well; null: it is. */
export async function putLive(version: Version, run: Run, tools: Tools): Promise<DeploymentResult | null> {
  const { strategy, failPoint } = tools
  const of = { version, run, tools }
  if (run.goOn?.phase !== 'activate') {
    const stopped = stoppedIn('the switch', run)
    if (stopped) return stopped
    if (version.release !== null && run.backFrom === null) await run.progress.release(version.release)
    failPoint('before-switch')
    await strategy.goLive(run, version)
    failPoint(run.backFrom === null ? 'after-switch' : 'in-rollback')
  }
  if (run.backFrom === null) run.live.release = version.release
  const failure = (await runPhase('activate', of)) ?? treeProblem(version) ?? (await lookAtHealth(of))
  if (failure) return failure
  await strategy.prove(run, version)
  return null
}

type Of = { readonly version: Version; readonly run: Run; readonly tools: Tools }

export async function runPhase(phase: StepPhase, { version, run, tools }: Of): Promise<DeploymentResult | null> {
  if (run.goOn !== null && isPast(phase, run.goOn.phase)) return null
  const steps = phasesOf(run.app).get(phase) ?? []
  return steps.length === 0 ? null : runSteps(await stepsRun({ phase, steps, version, run, tools }))
}

async function lookAtPreview({ version, run, tools }: Of): Promise<DeploymentResult | null> {
  const { preview } = run.app
  const checks = run.app.health.filter((check) => check.preview)
  if (preview === null || checks.length === 0 || run.backFrom !== null) return null
  const all = await stepsRun({ phase: 'preview', steps: [preview], version, run, tools })
  return recorded('preview', all, (number) =>
    judgePreview(preview, { checks, all, judging: { context: all.context, run, tools, number } }),
  )
}

async function lookAtHealth({ version, run, tools }: Of): Promise<DeploymentResult | null> {
  const checks = run.app.health.filter((check) => !check.preview)
  if (checks.length === 0) return null
  const all = await stepsRun({ phase: 'health', steps: [], version, run, tools })
  return recorded('health', all, (number) => {
    tools.failPoint('in-health')
    return judgeHealth(checks, { context: all.context, run, tools, number })
  })
}

/** What is no single command, with the place and the times of a step. */
async function recorded(
  name: string,
  { of: run, phase, total }: StepsRun,
  judge: (number: number) => Promise<DeploymentResult | null>,
): Promise<DeploymentResult | null> {
  const { progress } = run
  const number = (run.started.steps += 1)
  await progress.stepStarted({ number, name, phase })
  await progress.note(`${placeOf(number, { of: run, total })}: ${name}`)
  const result = await judge(number)
  await progress.endOutput(number)
  await progress.stepFinished({ number, exitCode: result === null ? 0 : 1, signal: null })
  return result
}

async function stepsRun({
  phase,
  steps,
  version,
  run,
  tools,
}: Of & { readonly phase: Phase; readonly steps: readonly Step[] }): Promise<StepsRun> {
  const { app, backFrom } = run
  const looksAtHealth = app.health.some((check) => !check.preview)
  return {
    ...tools,
    // The way back is not barred by a disk that is full of what is to be left.
    floor: backFrom === null && run.job.target?.kind !== 'release' ? tools.floor : noFloor,
    of: run,
    phase: backFrom === null ? phase : 'rollback',
    steps,
    version,
    total: stepsOf(app).length + (looksAtHealth ? 1 : 0),
    context: await stepContext(version, run, tools),
    paths: pathsOf(run, tools),
  }
}

/** What commands that run in a version's directory are told. */
async function stepContext(
  { revision, ref, directory }: Version,
  { app, job, cookie, runAs }: Run,
  { stateDirectory, user }: Tools,
): Promise<StepContext> {
  const home =
    runAs === null
      ? await usableHome(user.home, standInHome(stateDirectory, app.name))
      : await usableHomeOf(runAs, join(app.path, ownHome))
  const { previousRevision, deployment } = job
  return { app, deployment: deployment.id, ref, cookie, revision, directory, previousRevision, user, runAs, home }
}

export function pathsOf({ app }: Run, { stateDirectory }: Tools): readonly string[] {
  return [stateDirectory, app.path]
}

function treeProblem({ directory }: Version): DeploymentResult | null {
  return isDirectory(directory) ? null : failed('tree_missing', `${directory} is not there any more: a step removed it`)
}
