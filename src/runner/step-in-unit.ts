import type { Clock } from '../lib/clock.ts'
import type { Command, CommandOptions, CommandResult } from './command.ts'
import type { InUnit } from './in-unit.ts'
import type { Numbered, StepsRun } from './steps.ts'
import { givenSecrets, stepPhases, type GoOn, type StepPhase } from './underway.ts'
import { unitOf, type Unit } from './unit.ts'

/** The unit that a step runs in, if commands run in units. */
export function inUnitOf(
  { step, number, suffix }: Pick<Numbered, 'step' | 'number' | 'suffix'>,
  { units, context, graceMs, paths }: Pick<StepsRun, 'units' | 'context' | 'graceMs' | 'paths'>,
): { readonly unit?: Unit } {
  if (units === null) return {}
  const { app, deployment, home } = context
  const longestMs = Math.min(step.timeoutMs ?? Infinity, app.timeoutMs)
  const unit = unitOf({
    ...{ app, deployment, suffix, what: `step ${number}` },
    writable: [app.path, home, ...paths.slice(1)],
    // The daemon is to be the first: this is for when there is none.
    endsAfterMs: step.background === 'keep' ? null : longestMs + graceMs + 10_000,
    isHeld: suffix === '',
  })
  return { unit }
}

/** From here on the next daemon can go on with it. Not on the way back: that begins anew. */
export async function noteUnderway(numbered: Numbered, all: StepsRun): Promise<void> {
  const { of: run, phase, context, version, underway, clock } = all
  const { unit } = inUnitOf(numbered, all)
  if (unit === undefined || !isStepPhase(phase)) return
  const { job, app } = run
  await underway.note({
    ...{ deployment: context.deployment, attempt: job.attempt, fingerprint: app.fingerprint, version, phase },
    secrets: givenSecrets(app),
    ...{ number: numbered.number, index: numbered.index, unit: unit.name },
    startedAt: clock.now().toISOString(),
  })
}

/** How long ago an earlier daemon has started it. */
export function ageOf({ isAttached }: Numbered, { of: { goOn }, clock }: Pick<StepsRun, 'of' | 'clock'>): number {
  return isAttached && goOn !== null ? ageIn(goOn, clock) : 0
}

function ageIn({ startedAt }: GoOn, clock: Clock): number {
  return Math.max(0, clock.now().getTime() - Date.parse(startedAt))
}

export async function attach(
  command: Command & { readonly unit?: Unit },
  options: CommandOptions,
  { units, of, clock }: Pick<StepsRun, 'units' | 'of' | 'clock'>,
): Promise<CommandResult> {
  const { unit } = command
  const gone: CommandResult = { kind: 'stopped', why: 'interrupted', leftovers: 0 }
  if (units === null || unit === undefined || of.goOn === null) return gone
  const timeoutMs = options.timeoutMs === null ? null : Math.max(0, options.timeoutMs - ageIn(of.goOn, clock))
  const inUnit: InUnit = { ...command, unit }
  return (await units.attach(inUnit, { ...options, timeoutMs })) ?? gone
}

/** What became of it is recorded. The unit of one that failed stays until its deployment is. */
export async function releaseUnit(numbered: Numbered, all: StepsRun): Promise<void> {
  const { unit } = inUnitOf(numbered, all)
  if (unit?.isHeld === true) await all.units?.release(unit.name)
}

/** `1-2-3.sh`: what an earlier daemon has made is known by its name. */
export function scriptName(deployment: number, attempt: number, number: number): string {
  return `${deployment}-${attempt}-${number}.sh`
}

function isStepPhase(phase: string): phase is StepPhase {
  return stepPhases.some((known) => known === phase)
}
