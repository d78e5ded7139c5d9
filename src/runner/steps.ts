import { readFile } from 'node:fs/promises'
import { lengthOf } from '../lib/ago.ts'
import type { FailPoint } from '../lib/fail-point.ts'
import type { Step } from '../model/deploy-map.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import type { Command, CommandResult, RunCommand } from './command.ts'
import type { DiskFloor } from './disk-floor.ts'
import { stepEnvironment, type StepContext } from './environment.ts'
import { keptCookie, type Kept } from './kept.ts'
import { failed, lowDisk, stoppedResult } from './outcome.ts'
import type { Progress } from './runner.ts'
import { stepDirectory } from './step-directory.ts'
import { stepFailure } from './step-failure.ts'
import { prepareStep } from './step-script.ts'
import { stopReason } from './stop.ts'

export type StepsRun = {
  readonly context: StepContext
  readonly attempt: number
  readonly progress: Progress
  readonly signal: AbortSignal
  readonly run: RunCommand
  readonly failPoint: FailPoint
  readonly graceMs: number
  /** Where scripts lie while they run. */
  readonly scripts: string
  readonly kept: Pick<Kept, 'add'>
  readonly floor: Pick<DiskFloor, 'roomFor' | 'guard'>
  /** What must have room on its disk. */
  readonly paths: readonly string[]
}

/** Runs the app's steps in order in its tree. The first that does not succeed ends it; null: all did. */
export async function runSteps(steps: StepsRun): Promise<DeploymentResult | null> {
  const { context, signal, failPoint } = steps
  const { app } = context
  for (const [index, step] of app.steps.entries()) {
    const numbered = {
      step,
      number: index + 1,
      label: `step ${index + 1}/${app.steps.length} (${shortened(step.name)})`,
    }
    if (index > 0) failPoint('between-steps')
    if (signal.aborted) return stoppedResult(stopReason(signal), { where: numbered.label, app })
    const noRoom = lowDisk(await steps.floor.roomFor(steps.paths), numbered.label)
    if (noRoom) return noRoom
    const failure = await runStep(numbered, steps)
    if (failure) return failure
  }
  return null
}

type Numbered = { readonly step: Step; readonly number: number; readonly label: string }

async function runStep(numbered: Numbered, steps: StepsRun): Promise<DeploymentResult | null> {
  const { step, number, label } = numbered
  const { context, progress, signal } = steps
  await progress.stepStarted({ number, name: step.name })
  await progress.note(`step ${number}/${context.app.steps.length}: ${step.name}`)
  const startedAt = performance.now()

  const cookie = step.background === 'keep' ? keptCookie(context.cookie, number) : context.cookie
  const env = stepEnvironment(step, { ...context, cookie })
  const { result, problem } = await steps.floor.guard(steps.paths, (low) => runCommandOf(numbered, { env, steps, low }))
  if (step.background === 'keep' && result.kind === 'exited' && result.exitCode === 0) await steps.kept.add(cookie)
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
  return stepFailure(result, { app: context.app, step, label, searchPath: env['PATH'] ?? '', noNewPrivileges })
}

async function runCommandOf(
  { step, number }: Numbered,
  { env, steps, low }: { readonly env: Command['env']; readonly steps: StepsRun; readonly low: AbortSignal },
): Promise<CommandResult> {
  const { context, attempt, progress, failPoint, graceMs, scripts } = steps
  const signal = AbortSignal.any([steps.signal, low])
  const directory = await stepDirectory(context.app.path, step.cwd)
  if ('problem' in directory) return { kind: 'not_started', reason: 'cwd_missing', message: directory.problem }

  const name = `${context.deployment}-${attempt}-${number}.sh`
  const { argv, remove } = await prepareStep(step.run, { directory: scripts, name })
  const onOutput = async (chunk: Buffer) => {
    await progress.output(number, chunk)
    if (number === 1) failPoint('in-step')
  }
  const { timeoutMs, background } = step
  try {
    const command = { argv, cwd: directory.path, env }
    return await steps.run(command, { signal, timeoutMs, graceMs, background, onOutput })
  } finally {
    await remove()
  }
}

async function tell(
  result: CommandResult,
  { label, tookMs, progress }: { readonly label: string; readonly tookMs: number; readonly progress: Progress },
): Promise<void> {
  await progress.note(`${label}: ${ended(result)} after ${lengthOf(tookMs)}`)
  if (result.kind === 'not_started' || result.leftovers === 0) return
  const processes = result.leftovers === 1 ? 'a process' : `${result.leftovers} processes`
  await progress.note(
    `${label} left ${processes} running, ended now: what is to stay needs a service manager (systemctl restart …), or background: keep`,
  )
}

function ended(result: CommandResult): string {
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
