import { readFile } from 'node:fs/promises'
import { lengthOf } from '../lib/ago.ts'
import type { Clock } from '../lib/clock.ts'
import type { FailPoint } from '../lib/fail-point.ts'
import type { Step } from '../model/deploy-map.ts'
import type { DeploymentResult, Phase } from '../model/deployment.ts'
import type { Carry, Command, CommandResult, RunCommand } from './command.ts'
import { Detached } from './detached.ts'
import type { DiskFloor } from './disk-floor.ts'
import { stepEnvironment, type StepContext } from './environment.ts'
import { keptCookie, type Kept } from './kept.ts'
import { failed, lowDisk } from './outcome.ts'
import { stoppedIn, type Run } from './run.ts'
import type { Progress } from './runner.ts'
import { stepDirectory } from './step-directory.ts'
import { stepFailure } from './step-failure.ts'
import { ageOf, attach, inUnitOf, noteUnderway, releaseUnit, scriptName } from './step-in-unit.ts'
import { prepareStep, preparedStep } from './step-script.ts'
import type { Version } from './strategy.ts'
import type { GoOn, UnderwayFiles } from './underway.ts'
import type { Units } from './in-unit.ts'

export type StepTools = {
  readonly run: RunCommand
  readonly failPoint: FailPoint
  readonly graceMs: number
  readonly clock: Clock
  /** Where commands run in units; null: as children of the daemon. */
  readonly units: Units | null
  readonly underway: Pick<UnderwayFiles, 'note'>
  /** Where scripts lie while they run. */
  readonly scripts: string
  readonly kept: Pick<Kept, 'add'>
  readonly floor: Pick<DiskFloor, 'roomFor' | 'guard'>
}

export type StepsRun = StepTools & {
  readonly of: Run
  readonly phase: Phase
  readonly steps: readonly Step[]
  /** What they are run for. */
  readonly version: Version
  /** How many steps the deployment has in all its phases. */
  readonly total: number
  readonly context: StepContext
  /** What must have room on its disk. */
  readonly paths: readonly string[]
}

/** Runs the steps of one phase in order. The first that does not succeed ends it; null: all did. */
export async function runSteps(all: StepsRun): Promise<DeploymentResult | null> {
  const { failPoint } = all
  for (const [index, step] of all.steps.entries()) {
    const numbered = numberedOf(step, { index, all })
    if (numbered.isOver) continue
    if (numbered.number > 1) failPoint('between-steps')
    const hindered = numbered.isAttached ? null : await hindrance(numbered, all)
    if (hindered) return hindered
    const failure = await runStep(numbered, all)
    if (failure) return failure
  }
  return null
}

async function hindrance({ label }: Numbered, { of: run, floor, paths }: StepsRun): Promise<DeploymentResult | null> {
  return stoppedIn(label, run) ?? lowDisk(await floor.roomFor(paths), label)
}

export type Numbered = {
  readonly step: Step
  readonly number: number
  /** In its phase, from 0. */
  readonly index: number
  readonly place: string
  readonly label: string
  /** An earlier daemon has seen it end well. */
  readonly isOver: boolean
  /** An earlier daemon has started it, in a unit that is there. */
  readonly isAttached: boolean
  /** What its unit is called besides the deployment. */
  readonly suffix: string
}

function numberedOf(step: Step, { index, all }: { readonly index: number; readonly all: StepsRun }): Numbered {
  const { of: run, total } = all
  const number = (run.started.steps += 1)
  const place = placeOf(number, { of: run, total })
  const { isOver, isAttached } = standing(number, run.goOn)
  const suffix = step.background === 'keep' ? `.step-${number}` : ''
  return { step, number, index, place, label: `${place} (${shortened(step.name)})`, isOver, isAttached, suffix }
}

function standing(number: number, goOn: GoOn | null): Pick<Numbered, 'isOver' | 'isAttached'> {
  if (goOn === null) return { isOver: false, isAttached: false }
  const isNewest = number === goOn.number
  return {
    isOver: number < goOn.number || (isNewest && goOn.step === 'over'),
    isAttached: isNewest && goOn.step === 'attach',
  }
}

/** For people: `step 2/5`. */
export function placeOf(number: number, { of: run, total }: Pick<StepsRun, 'of' | 'total'>): string {
  return run.backFrom === null ? `step ${number}/${total}` : `step ${number}, on the way back`
}

async function runStep(numbered: Numbered, all: StepsRun): Promise<DeploymentResult | null> {
  const { step, number, place, label } = numbered
  const { context, phase, of: run } = all
  const { progress, signal } = run
  if (!numbered.isAttached) {
    await noteUnderway(numbered, all)
    await progress.stepStarted({ number, name: step.name, phase })
    await progress.note(`${place}: ${step.name}`)
  }
  const startedAt = performance.now() - ageOf(numbered, all)

  const cookie = step.background === 'keep' ? keptCookie(context.cookie, number) : context.cookie
  const env = stepEnvironment(step, { ...context, cookie })
  const { result, problem } = await all.floor.guard(all.paths, (low) => runCommandOf(numbered, { env, all, low }))
  if (step.background === 'keep' && result.kind === 'exited' && result.exitCode === 0) await all.kept.add(cookie)
  await progress.endOutput(number)
  await progress.stepFinished({
    number,
    exitCode: result.kind === 'exited' ? result.exitCode : null,
    signal: result.kind === 'signalled' ? result.signal : null,
  })
  await tell(result, { label, tookMs: performance.now() - startedAt, progress })
  if (problem !== null && result.kind === 'stopped' && !signal.aborted)
    return failed('disk_full', `${label} was ended: ${problem}`)
  const noNewPrivileges = await hasNoNewPrivileges()
  const { app, directory, runAs } = context
  const facts = { app, directory, step, label, searchPath: env['PATH'] ?? '', noNewPrivileges, runAs }
  const failure = stepFailure(result, facts)
  if (failure === null) await releaseUnit(numbered, all)
  return failure
}

/** Runs a step's command in the directory that the step names. */
export async function runCommandOf(
  numbered: Numbered,
  { env, all, low }: { readonly env: Command['env']; readonly all: StepsRun; readonly low: AbortSignal },
): Promise<CommandResult> {
  const { step, number, isAttached } = numbered
  const { context, failPoint, graceMs, scripts } = all
  const { job, progress, signal: stop } = all.of
  const signal = AbortSignal.any([stop, low])
  const directory = await stepDirectory(context.directory, step.cwd)
  if ('problem' in directory) return { kind: 'not_started', reason: 'cwd_missing', message: directory.problem }

  const script = { directory: scripts, name: scriptName(context.deployment, job.attempt, number), user: context.runAs }
  const { argv, remove } = isAttached ? preparedStep(step.run, script) : await prepareStep(step.run, script)
  const onOutput = async (chunk: Buffer) => {
    await progress.output(number, chunk)
    if (number === 1) failPoint('in-step')
  }
  const { timeoutMs, background } = step
  const command = { argv, cwd: directory.path, env, ...asOf(context), ...inUnitOf(numbered, all) }
  const options = {
    signal,
    timeoutMs,
    graceMs,
    background,
    onOutput,
    leave: job.leave,
    carry: carryOf(number, progress),
  }
  try {
    const result = await (isAttached ? attach(command, options, all) : all.run(command, options))
    await remove()
    return result
  } catch (error) {
    if (!(error instanceof Detached)) await remove()
    throw error
  }
}

function carryOf(number: number, progress: Progress): Carry {
  return { putAside: () => progress.putAside(number), takeUp: (aside) => progress.takeUp(number, aside) }
}

/** The part of a command that says whom it runs as. */
export function asOf({ runAs }: Pick<StepContext, 'runAs'>): Pick<Command, 'user'> {
  return runAs === null ? {} : { user: runAs }
}

async function tell(
  result: CommandResult,
  { label, tookMs, progress }: { readonly label: string; readonly tookMs: number; readonly progress: Progress },
): Promise<void> {
  await progress.note(`${label}: ${endedText(result)} after ${lengthOf(tookMs)}`)
  if (result.kind === 'exited' && result.exitCode === 0 && result.hit?.memory === true)
    await progress.note(`${label}: a process of it was ended for want of memory, and it succeeded all the same`)
  if (result.kind === 'not_started' || result.leftovers === 0) return
  const processes = result.leftovers === 1 ? 'a process' : `${result.leftovers} processes`
  await progress.note(
    `${label} left ${processes} running, ended now: what is to stay needs a service manager (systemctl restart …), or background: keep`,
  )
}

/** How a command ended, in a word or two. */
export function endedText(result: CommandResult): string {
  switch (result.kind) {
    case 'exited':
      return `exit code ${result.exitCode}`
    case 'signalled':
      return `ended by ${result.signal}`
    case 'stopped':
      return 'stopped'
    case 'not_started':
      return 'not started'
  }
}

/** One line, at most 80 characters: enough to know the step by. */
function shortened(name: string): string {
  const line = name.split('\n')[0] ?? ''
  return line.length > 80 ? `${line.slice(0, 79)}…` : line
}

/** See proc_pid_status(5); children inherit it. */
async function hasNoNewPrivileges(): Promise<boolean> {
  return /^NoNewPrivs:\s*1$/m.test(await readFile('/proc/self/status', 'utf8'))
}
