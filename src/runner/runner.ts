import type { Skip } from '../model/already-live.ts'
import type { App } from '../model/deploy-map.ts'
import type { Deployment, DeploymentResult } from '../model/deployment.ts'
import type { Revision } from '../model/revision.ts'

/** Effects on this machine. It knows no store: it reports through `Progress` and returns a result. */
export type Runner = {
  /** Deploys what the deployment's ref leads to. Failure is a value; it throws only when the daemon itself is broken. */
  deploy(job: Job, progress: Progress): Promise<DeploymentResult>
  /**
   * Ends every process that an earlier daemon of this state directory left behind, but for what its steps were to keep
   * running; says how many there were.
   */
  endLeftovers(): Promise<number>
  /** The app's directories follow it to its new name. */
  rename(from: string, to: string): Promise<void>
}

export type Job = {
  readonly app: App
  readonly deployment: Deployment
  /** Its attempt, for the cookie. */
  readonly attempt: number
  /** Last succeeded; steps see it as DEPLOYHOOK_PREVIOUS_REVISION. */
  readonly previousRevision: Revision | null
  /** Judged once the tip is known: a reason to leave it at that, or null to go on. */
  readonly skip: (tip: Revision, look: Look) => Promise<Skip | null>
  /** Ends it; `signal.reason` is a `Stop`. */
  readonly signal: AbortSignal
}

/** What can be looked up once the tip is there. */
export type Look = {
  /** The files that differ between a revision and the tip; null when that revision is not there any more. */
  readonly changedSince: (revision: Revision) => Promise<readonly string[] | null>
  /** The message of the tip; null when that cannot be told. */
  readonly message: () => Promise<string | null>
}

/** Why a running deployment is being ended early. */
export type Stop = 'cancelled' | 'timed_out' | 'interrupted'

export type Progress = {
  revision(revision: Revision): Promise<void>
  stepStarted(step: { readonly number: number; readonly name: string }): Promise<void>
  stepFinished(step: {
    readonly number: number
    readonly exitCode: number | null
    readonly signal: string | null
  }): Promise<void>
  /** Bytes of a step's output; resolves when more may come. */
  output(step: number, chunk: Buffer): Promise<void>
  endOutput(step: number): Promise<void>
  /** A line of the daemon's own in the deployment's log. */
  note(text: string): Promise<void>
}
