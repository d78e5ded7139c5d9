import type { Secret } from '../lib/secret.ts'
import type { DeliveryRecord, DeliveryResult, IgnoredApp, IgnoredReason, VerifiedDelivery } from '../model/delivery.ts'
import type { Deployment, DeploymentResult, State, StepRecord, Trigger } from '../model/deployment.ts'
import type { PushEvent } from '../model/push-event.ts'
import type { Revision } from '../model/revision.ts'

/**
 * The durable truth: deliveries, deployments (which are the queue) and their steps in SQLite, logs in files. A promise
 * that resolved means: committed and fsynced. Writers that arrive together share one commit, each in its own savepoint.
 * Times are given by the caller.
 */
export type Store = {
  /** Random, made with the state directory: the first part of every process cookie. */
  readonly stateId: string

  // Deliveries

  /** Keeps a delivery and queues what it wants, judging duplicates and superseding, all in one transaction. */
  accept(arrival: Arrival): Promise<Accepted>
  /** Keeps a verified delivery that wants nothing. */
  keep(delivery: VerifiedDelivery, verdict: Verdict): Promise<DeliveryRecord>
  delivery(id: number): Promise<DeliveryRecord | null>
  deliveries(
    page: Page & { readonly webhook?: string; readonly app?: string; readonly providerId?: string },
  ): Promise<readonly DeliveryRecord[]>

  // The queue

  /** Queues a deployment that no delivery asked for, superseding by the rules of `model/queue.ts`. */
  enqueue(request: Enqueue): Promise<Deployment>
  /** Starts the first claimable queued deployment, or none. `resolve` says where an app runs now; null: not in the map. */
  claim(request: {
    readonly resolve: (app: string) => ClaimTarget | null
    readonly maxRunning: number
    readonly at: Date
  }): Promise<Claim | null>
  /** Names the commit of a running deployment. */
  setRevision(owner: Owner, revision: Revision): Promise<void>
  startStep(owner: Owner, step: { readonly number: number; readonly name: string; readonly at: Date }): Promise<void>
  finishStep(
    owner: Owner,
    step: {
      readonly number: number
      readonly exitCode: number | null
      readonly signal: string | null
      readonly at: Date
    },
  ): Promise<void>
  /** running → done, by its owner only: throws `NotOwner` if the row is no longer this attempt's. */
  finish(owner: Owner, result: DeploymentResult, at: Date): Promise<Deployment>
  /** running → queued again (a shutdown interrupted it), or done as superseded when something newer is queued already. */
  requeue(owner: Owner, at: Date): Promise<Deployment>
  /** queued → done as cancelled; null when it is not queued (any more). */
  cancelQueued(id: number, at: Date): Promise<Deployment | null>
  /** At start: settles every `running` row that a dead daemon left behind, by the rules of `model/queue.ts`. */
  recover(request: {
    readonly onInterrupt: (app: string) => 'requeue' | 'stop' | 'gone'
    readonly maxAttempts: number
    readonly at: Date
  }): Promise<readonly Deployment[]>
  /** After a reload: renames (`was`), then ends queued deployments of apps that are gone as skipped `app_removed`. */
  reconcile(request: {
    readonly apps: ReadonlyMap<string, { readonly was: readonly string[] }>
    readonly at: Date
  }): Promise<readonly Deployment[]>

  // Reading

  deployment(id: number): Promise<Deployment | null>
  /** Newest first; `before` is an id. */
  deployments(page: Page & { readonly app?: string; readonly state?: State }): Promise<readonly Deployment[]>
  /** All that is running or queued, in the queue's order: running first. */
  queue(): Promise<readonly Queued[]>
  /** What is live of an app, as far as the history tells. */
  live(app: string): Promise<Live>
  /** Every committed change of a deployment from now on; ends with the signal. */
  changes(signal: AbortSignal): AsyncIterable<Deployment>
  /** Fails when the database cannot be written to. */
  ping(): Promise<void>

  // Logs

  openLog(deployment: number, secrets: readonly Secret[]): Promise<LogSink>
  /** The log file's size in bytes and a reader from `offset`; null when there is none. */
  readLog(
    deployment: number,
    offset?: number,
  ): Promise<{ readonly size: number; readonly stream: NodeJS.ReadableStream } | null>
  /** Whole lines from byte `offset` on, as they are written, until the deployment is done. */
  followLog(deployment: number, offset: number, signal: AbortSignal): AsyncIterable<LogLine>

  close(): Promise<void>
}

export type Page = { readonly limit: number; readonly before?: number }

export type Arrival = {
  readonly delivery: VerifiedDelivery
  readonly provider: string
  readonly event: string
  readonly trigger: 'push' | 'replay'
  /** For people: the first push of the delivery. */
  readonly push: PushEvent | null
  /** At most one per app. */
  readonly wanted: readonly Wanted[]
  readonly ignored: readonly IgnoredApp[]
  /** The furthest that any app got; null when something is wanted. */
  readonly reason: IgnoredReason | null
}

export type Wanted = { readonly app: string; readonly ref: string; readonly requestedRevision: Revision | null }

export type Accepted = {
  readonly delivery: DeliveryRecord
  readonly result: Exclude<DeliveryResult, 'malformed'>
  /** The new ones, state `queued`. */
  readonly deployments: readonly Deployment[]
  /** The same provider id as an earlier delivery, with another body: worth a warning. */
  readonly bodyDiffers: boolean
}

export type Verdict = {
  readonly provider: string
  readonly event: string | null
  readonly result: 'ignored' | 'malformed'
  readonly reason: string
}

export type Enqueue = {
  readonly app: string
  readonly trigger: Trigger
  readonly ref: string
  readonly requestedRevision: Revision | null
  readonly adopt: boolean
  readonly at: Date
}

/** Where an app's deployment runs: each of the three is held by at most one running deployment. */
export type ClaimTarget = { readonly concurrencyGroup: string; readonly realPath: string; readonly fingerprint: string }

/** Proves the right to write a running deployment: a later attempt has another number. */
export type Owner = { readonly id: number; readonly attempt: number }

export type Claim = {
  readonly deployment: Deployment
  readonly owner: Owner
}

export type Queued = {
  readonly id: number
  readonly app: string
  readonly state: 'queued' | 'running'
  readonly trigger: Trigger
  readonly concurrencyGroup: string | null
}

export type Live = {
  /** Of the last deployment that succeeded. */
  readonly revision: Revision | null
  readonly deployment: number | null
  readonly at: Date | null
  /** The ref that it was deployed by. */
  readonly ref: string | null
  /**
   * The fingerprint that the app's newest started deployment ran with if that one succeeded, else null: with it the
   * tree is known to hold `revision` as this entry makes it.
   */
  readonly fingerprint: string | null
}

/** Where a running deployment's output goes. Masks every secret, also across chunks; stamps and caps; never grows. */
export type LogSink = {
  /** Output of step `number`. Resolves when the next chunk may come. */
  output(step: number, chunk: Buffer): Promise<void>
  /** The step has written its last byte: what masking held back goes out. */
  endStep(step: number): Promise<void>
  /** A line of the daemon's own. */
  note(text: string): Promise<void>
  close(): Promise<void>
}

export type LogLine = {
  /** Byte offset of the line after this one: where to resume. */
  readonly next: number
  readonly at: string
  /** null: the daemon's own line. */
  readonly step: number | null
  readonly text: string
}

export type { StepRecord }
