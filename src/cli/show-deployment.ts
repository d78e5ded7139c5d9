import { ago, lengthOf } from '../lib/ago.ts'
import type { DeploymentView } from './api.ts'
import type { Terminal } from './terminal.ts'
import { oneLine } from './text.ts'

type Paint = Terminal['paint']

/** A commit, as short as the log says it. */
export function shortRevision(revision: string | null): string {
  return revision === null ? '-' : oneLine(revision).slice(0, 12)
}

/** A ref as people say it: the branch, or the full name of anything else. */
export function refLabel(ref: string | null): string {
  return ref === null ? '-' : oneLine(ref.replace(/^refs\/heads\//, ''))
}

/** `2 min ago` of an ISO time. */
export function when(at: string | null, now: Date): string {
  return at === null ? '-' : ago(new Date(at), now)
}

/** How a deployment stands, in one coloured word or three: its outcome, or its state and what it waits for. */
export function standing({ state, outcome, waitingFor }: DeploymentView, paint: Paint): string {
  if (outcome !== null) return outcomeColour(outcome, paint)(oneLine(outcome.replaceAll('_', ' ')))
  if (state === 'queued') return paint.yellow(waitingFor === null ? 'queued' : `queued (${oneLine(waitingFor)})`)
  return paint.cyan(oneLine(state))
}

function outcomeColour(outcome: string, paint: Paint): (text: string) => string {
  if (outcome === 'succeeded') return paint.green
  return outcome === 'superseded' || outcome === 'skipped' ? paint.dim : paint.red
}

/** How long it ran, or has been running; `-` before it has started. */
export function took({ startedAt, finishedAt }: Pick<DeploymentView, 'startedAt' | 'finishedAt'>, now: Date): string {
  if (startedAt === null) return '-'
  const end = finishedAt === null ? now : new Date(finishedAt)
  return lengthOf(end.getTime() - new Date(startedAt).getTime())
}

/** Whether a deployment's end counts as done: exit code 0. */
export function isGood({ outcome }: DeploymentView): boolean {
  return outcome === 'succeeded' || outcome === 'skipped'
}

/** `deployment 12 of blog`. */
export function naming({ id, app }: DeploymentView): string {
  return `deployment ${id} of ${oneLine(app)}`
}
