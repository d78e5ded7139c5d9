import { constants } from 'node:os'
import { join } from 'node:path'
import { formatDuration } from '../lib/duration.ts'
import { formatSize } from '../lib/size.ts'
import { unreachable } from '../lib/unreachable.ts'
import type { App, Step } from '../model/deploy-map.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import type { CommandResult } from './command.ts'
import { locate } from './not-started.ts'
import type { Identity } from './identity.ts'
import { failed, stoppedResult, timedOut } from './outcome.ts'
import { formatProblem } from './program-format.ts'

export type StepFacts = {
  readonly app: App
  /** Where the app's steps run. */
  readonly directory: string
  readonly step: Step
  /** `step 2/3 (npm ci)` */
  readonly label: string
  /** PATH of the step. */
  readonly searchPath: string
  /** The daemon runs with NoNewPrivileges, so setuid programs such as sudo get no privileges. */
  readonly noNewPrivileges: boolean
  /** Whom the step ran as; null: the daemon's user. */
  readonly runAs: Identity | null
}

/** What a step's end means for its deployment; null: it succeeded. The message holds nothing of the step's output. */
export function stepFailure(result: CommandResult, facts: StepFacts): DeploymentResult | null {
  const { app, step, label } = facts
  switch (result.kind) {
    case 'exited':
      if (result.exitCode === 0) return null
      if (result.hit?.memory === true) return outOfMemory(`failed with exit code ${result.exitCode}`, facts)
      return stepFailed(
        `${label} failed with exit code ${result.exitCode}${shellSignal(result.exitCode)}`,
        hint(result, facts),
      )
    case 'signalled':
      if (result.hit?.memory === true) return outOfMemory(`was ended by ${result.signal}`, facts)
      return stepFailed(`${label} was ended by ${result.signal}`, hint(result, facts))
    case 'not_started':
      return stepFailed(`${label} could not be started`, result.message)
    case 'stopped':
      if (result.why !== 'limit') return stoppedResult(result.why, { where: label, app })
      return timedOut(
        `${label} took longer than its own limit of ${formatDuration(step.timeoutMs ?? app.timeoutMs)} (timeout of the step)`,
      )
    default:
      return unreachable(result)
  }
}

function stepFailed(what: string, hint: string | null): DeploymentResult {
  return failed('step_failed', hint === null ? what : `${what}: ${hint}`)
}

/** Told by the kernel, not guessed from how it ended. */
function outOfMemory(what: string, { label, app }: StepFacts): DeploymentResult {
  const { memoryBytes } = app.limits
  const why =
    memoryBytes === null
      ? 'the machine had none left'
      : `all that it may have is ${formatSize(memoryBytes)} (limits: memory of the app)`
  return failed('out_of_memory', `${label} was out of memory and ${what}: ${why}`)
}

/** A shell answers 128 + n when signal n ended what it ran. */
function shellSignal(exitCode: number): string {
  const name = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0]
  return name === undefined ? '' : ` (${name})`
}

type Failure = StepFacts & {
  readonly exitCode: number | null
  readonly signal: string | null
  /** It was refused a process. */
  readonly hitTasks: boolean
  /** What is wrong with the file that the step runs. */
  readonly badFormat: string | null
}

function hint(result: Extract<CommandResult, { kind: 'exited' | 'signalled' }>, facts: StepFacts): string | null {
  const exitCode = result.kind === 'exited' ? result.exitCode : null
  const signal = result.kind === 'signalled' ? result.signal : null
  const program = exitCode !== null && badFormatCodes.has(exitCode) ? programOf(facts) : null
  const badFormat = program && formatProblem(program)
  const failure = { exitCode, signal, hitTasks: result.hit?.tasks === true, badFormat, ...facts }
  return hints.find(({ fits }) => fits(failure))?.text(failure) ?? null
}

/** How a shell ends that was given what it cannot run. */
const badFormatCodes: ReadonlySet<number> = new Set([2, 126, 127])

/** The file that a list step runs, or that a text names which is one plain command; null: there is none to name. */
function programOf({ directory, step, searchPath, runAs }: StepFacts): string | null {
  // Root must not open what that user can exchange for a link to a device; `not-started-as.ts` has looked as that user.
  if (runAs !== null) return null
  const { run, cwd } = step
  const name = run.kind === 'argv' ? run.argv[0] : /^\s*([\w./-]*\/[\w.-]+)(?:[ \t][^;&|\n]*)?\s*$/.exec(run.text)?.[1]
  return name === undefined ? null : locate(name, { cwd: join(directory, cwd), searchPath })
}

/** The first that fits is told. */
const hints: readonly { readonly fits: (failure: Failure) => boolean; readonly text: (failure: Failure) => string }[] =
  [
    {
      fits: ({ step, noNewPrivileges }) => noNewPrivileges && /\bsudo\b/.test(textOf(step)),
      text: () =>
        'sudo cannot work under NoNewPrivileges=yes of the service; let systemd or polkit allow what the step needs',
    },
    {
      fits: ({ step }) => textOf(step).includes('\r\n'),
      text: () => 'the script has Windows line endings (CRLF); write it with LF',
    },
    {
      fits: ({ badFormat }) => badFormat !== null,
      text: ({ badFormat }) => badFormat ?? '',
    },
    {
      fits: ({ hitTasks }) => hitTasks,
      text: ({ app }) =>
        `it was refused a process or thread${app.limits.tasks === null ? '' : `: it may have ${app.limits.tasks} at a time (limits: tasks of the app)`}`,
    },
    {
      fits: ({ exitCode }) => exitCode === 126,
      text: () => 'a command was found but could not be run; is it executable (chmod +x, committed with that mode)?',
    },
    {
      fits: ({ exitCode }) => exitCode === 127,
      text: ({ searchPath }) =>
        `a command was not found in PATH (${searchPath}); set PATH in the app's env, or look for Windows line endings in a script's first line`,
    },
    {
      fits: ({ exitCode, signal }) => exitCode === 137 || signal === 'SIGKILL',
      text: () => 'most often the system was out of memory; see `dmesg` or `journalctl -k`',
    },
  ]

function textOf({ run }: Step): string {
  return run.kind === 'script' ? run.text : run.argv.join(' ')
}
