import { readFile } from 'node:fs/promises'
import { lengthOf } from '../lib/ago.ts'
import type { FailPoint } from '../lib/fail-point.ts'
import type { Step } from '../model/deploy-map.ts'
import type { DeploymentResult, Phase } from '../model/deployment.ts'
import type { Command, CommandResult, RunCommand } from './command.ts'
import type { DiskFloor } from './disk-floor.ts'
import { stepEnvironment, type StepContext } from './environment.ts'
import { keptCookie, type Kept } from './kept.ts'
import { failed, lowDisk } from './outcome.ts'
import { stoppedIn, type Run } from './run.ts'
import type { Progress } from './runner.ts'
import { stepDirectory } from './step-directory.ts'
import { stepFailure } from './step-failure.ts'
import { prepareStep } from './step-script.ts'

export type StepTools = {
  readonly run: RunCommand
  readonly failPoint: FailPoint
  readonly graceMs: number
  /** Where scripts lie while they run. */
  readonly scripts: string
  readonly kept: Pick<Kept, 'add'>
  readonly floor: Pick<DiskFloor, 'roomFor' | 'guard'>
}

export type StepsRun = StepTools & {
  readonly of: Run
  readonly phase: Phase
  readonly steps: readonly Step[]
  /** How many steps the deployment has in all its phases. */
  readonly total: number
  readonly context: StepContext
  /** What must have room on its disk. */
  readonly paths: readonly string[]
}

/** Runs the steps of one phase in order. The first that does not succeed ends it; null: all did. */
export async function runSteps(all: StepsRun): Promise<DeploymentResult | null> {
  const { of: run, failPoint } = all
  for (const step of all.steps) {
    const numbered = numberedOf(step, all)
    if (numbered.number > 1) failPoint('between-steps')
    const stopped = stoppedIn(numbered.label, run)
    if (stopped) return stopped
    const noRoom = lowDisk(await all.floor.roomFor(all.paths), numbered.label)
    if (noRoom) return noRoom
    const failure = await runStep(numbered, all)
    if (failure) return failure
  }
  return null
}

export type Numbered = { readonly step: Step; readonly number: number; readonly place: string; readonly label: string }

function numberedOf(step: Step, { of: run, total }: StepsRun): Numbered {
  const number = (run.started.steps += 1)
  const place = placeOf(number, { of: run, total })
  return { step, number, place, label: `${place} (${shortened(step.name)})` }
}

/** For people: `step 2/5`. */
export function placeOf(number: number, { of: run, total }: Pick<StepsRun, 'of' | 'total'>): string {
  return run.backFrom === null ? `step ${number}/${total}` : `step ${number}, on the way back`
}

async function runStep(numbered: Numbered, all: StepsRun): Promise<DeploymentResult | null> {
  const { step, number, place, label } = numbered
  const { context, phase, of: run } = all
  const { progress, signal } = run
  await progress.stepStarted({ number, name: step.name, phase })
  await progress.note(`${place}: ${step.name}`)
  const startedAt = performance.now()

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
  return stepFailure(result, { app, directory, step, label, searchPath: env['PATH'] ?? '', noNewPrivileges, runAs })
}

/** Runs a step's command in the directory that the step names. */
export async function runCommandOf(
  { step, number }: Numbered,
  { env, all, low }: { readonly env: Command['env']; readonly all: StepsRun; readonly low: AbortSignal },
): Promise<CommandResult> {
  const { context, failPoint, graceMs, scripts } = all
  const { job, progress, signal: stop } = all.of
  const signal = AbortSignal.any([stop, low])
  const directory = await stepDirectory(context.directory, step.cwd)
  if ('problem' in directory) return { kind: 'not_started', reason: 'cwd_missing', message: directory.problem }

  const name = `${context.deployment}-${job.attempt}-${number}.sh`
  const { argv, remove } = await prepareStep(step.run, { directory: scripts, name, user: context.runAs })
  const onOutput = async (chunk: Buffer) => {
    await progress.output(number, chunk)
    if (number === 1) failPoint('in-step')
  }
  const { timeoutMs, background } = step
  try {
    const command = { argv, cwd: directory.path, env, ...asOf(context) }
    return await all.run(command, { signal, timeoutMs, graceMs, background, onOutput })
  } finally {
    await remove()
  }
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
