import type { App } from '../model/deploy-map.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import type { Identity } from './identity.ts'
import { stoppedResult } from './outcome.ts'
import type { Job, Progress } from './runner.ts'
import { stopReason } from './stop.ts'
import type { GoOn } from './underway.ts'
import type { GitContext } from './workspace.ts'

/** A deployment underway: what all parts of it work with. */
export type Run = {
  readonly job: Job
  readonly app: App
  readonly progress: Progress
  /** Ends what is being done now. */
  readonly signal: AbortSignal
  /** Whom its steps run as and its files belong to; null: the daemon's own user. */
  readonly runAs: Identity | null
  /** Of every process of it. */
  readonly cookie: string
  /** How many steps it has started, in all its phases. */
  readonly started: { steps: number }
  /** What it has made live; null: nothing so far. */
  readonly live: { release: string | null }
  /** Where an earlier daemon left it; null: it was not begun by one. */
  readonly goOn: GoOn | null
  /** What has failed, on the way back from it; null: all is well so far. */
  readonly backFrom: DeploymentResult | null
}

export function openRun(
  job: Job,
  progress: Progress,
  { stateId, runAs }: { readonly stateId: string; readonly runAs: Identity | null },
): Run {
  const { app, deployment, attempt, signal, goOn } = job
  const cookie = `${stateId}.${deployment.id}.${attempt}`
  const started = { steps: goOn === null ? 0 : goOn.number - 1 - goOn.index }
  return { job, app, progress, signal, runAs, cookie, started, live: { release: null }, goOn, backFrom: null }
}

export function gitContextOf({ signal, cookie, progress }: Run): GitContext {
  return { signal, cookie, note: (text) => progress.note(text) }
}

/** null: it goes on. */
export function stoppedIn(where: string, { signal, app }: Run): DeploymentResult | null {
  return signal.aborted ? stoppedResult(stopReason(signal), { where, app }) : null
}
