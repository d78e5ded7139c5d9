import type { Skip } from '../model/already-live.ts'
import type { App } from '../model/deploy-map.ts'
import type { Release } from '../model/release.ts'
import type { Deployment, DeploymentResult, Phase } from '../model/deployment.ts'
import type { Revision } from '../model/revision.ts'
import type { GoOn, Left, Underway } from './underway.ts'

/** Effects on this machine. It knows no store: it reports through `Progress` and returns a result. */
export type Runner = {
  /** Deploys what the deployment's ref leads to. Failure is a value; it throws only when the daemon itself is broken. */
  deploy(job: Job, progress: Progress): Promise<DeploymentResult>
  /** What earlier daemons of this state directory had got to, where a unit went on without them. */
  underway(): Promise<readonly Left[]>
  /**
   * Ends every process that an earlier daemon of this state directory left behind, but for what its steps were to keep
   * running and for those that go on; says how many there were.
   */
  endLeftovers(goOn: readonly Underway[]): Promise<number>
  /** The outcome of a deployment is recorded: what was kept to go on with it is not needed any more. */
  forget(deployment: number): Promise<void>
  /** The app's releases that are there, newest first; none of an app that is deployed in place. */
  releases(app: App): Promise<readonly Release[]>
  /** The app's directories follow it to its new name. */
  rename(from: string, to: string): Promise<void>
}

export type Job = {
  readonly app: App
  readonly deployment: Deployment
  /** Its attempt, for the cookie. */
  readonly attempt: number
  /** What is deployed; null: what the deployment's ref leads to. */
  readonly target: Target | null
  /** Last succeeded; steps see it as DEPLOYHOOK_PREVIOUS_REVISION. */
  readonly previousRevision: Revision | null
  /** Of the last that succeeded; null: it made none. */
  readonly previousRelease: string | null
  /** Judged once the tip is known: a reason to leave it at that, or null to go on. */
  readonly skip: (tip: Revision, look: Look) => Promise<Skip | null>
  /** Ends it; `signal.reason` is a `Stop`. */
  readonly signal: AbortSignal
  /** Ends what `signal` leaves to be done, the way back to what was live: the daemon is ending. */
  readonly shutdown: AbortSignal
  /** The daemon is about to end: what runs in a unit goes on without it, and `Detached` is thrown. */
  readonly leave: AbortSignal
  /** Where an earlier daemon left it; null: it begins. */
  readonly goOn: GoOn | null
}

/** One version rather than the newest. */
export type Target =
  /** A commit that the ref has had: fetched, checked out and built like any other. */
  | { readonly kind: 'exact'; readonly revision: Revision }
  /** A commit that was live before: no fetch when it is there. */
  | { readonly kind: 'earlier'; readonly revision: Revision }
  /** A release that is there: neither fetched nor built. */
  | { readonly kind: 'release'; readonly name: string }

/** What can be looked up once the tip is there. */
export type Look = {
  /** Whether anything is where the live version should be. */
  readonly isThere: () => boolean
  /** The files that differ between a revision and the tip; null when that revision is not there any more. */
  readonly changedSince: (revision: Revision) => Promise<readonly string[] | null>
  /** The message of the tip; null when that cannot be told. */
  readonly message: () => Promise<string | null>
}

/** Why a running deployment is being ended early. */
export type Stop = 'cancelled' | 'timed_out' | 'interrupted'

export type Progress = {
  revision(revision: Revision): Promise<void>
  /** The release that is live from now on. */
  release(name: string): Promise<void>
  stepStarted(step: { readonly number: number; readonly name: string; readonly phase: Phase }): Promise<void>
  stepFinished(step: {
    readonly number: number
    readonly exitCode: number | null
    readonly signal: string | null
  }): Promise<void>
  /** Bytes of a step's output; resolves when more may come. */
  output(step: number, chunk: Buffer): Promise<void>
  endOutput(step: number): Promise<void>
  /** Another daemon goes on with the step: what is not let out of its output yet, for `takeUp`; null: nothing. */
  putAside(step: number): Promise<Buffer | null>
  takeUp(step: number, aside: Buffer): Promise<void>
  /** A line of the daemon's own in the deployment's log. */
  note(text: string): Promise<void>
}
