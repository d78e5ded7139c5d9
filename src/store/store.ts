import type { Secret } from '../lib/secret.ts'
import type { DeliveryRecord, VerifiedDelivery } from '../model/delivery.ts'
import type { App } from '../model/deploy-map.ts'
import type { Deployment, DeploymentResult, Outcome, Phase, State, Trigger } from '../model/deployment.ts'
import type { Hold } from '../model/gate.ts'
import type { Revision } from '../model/revision.ts'
import type { Accepted, Arrival, Recalled, Verdict } from './arrival.ts'
import type { Backup } from './backup.ts'
import type { StoreError } from './errors.ts'
import type { GateStore } from './gates.ts'
import type { LogBounds } from './prune-logs.ts'
import type { Outbox } from './outbox.ts'
import type { LedgerBounds } from './prune.ts'
import type { CatchUpStore } from './seen-refs.ts'

/**
 * The durable truth: deliveries, deployments (which are the queue) and their steps in SQLite, logs in files. A promise
 * that resolved means: committed and fsynced. Writers that arrive together share one commit, each in its own savepoint.
 * Times are given by the caller.
 */
export type Store = Outbox &
  CatchUpStore &
  GateStore & {
    /** Random, made with the database and the same in its backups: the first part of the id of every report. */
    readonly databaseId: string
    /** Of that database at this place, and of no copy of it elsewhere: the first part of every process cookie. */
    readonly stateId: string
    /**
     * Resolves when what is written can no longer be believed to last: a sync failed, or the files are not where they were.
     * From then on every write rejects with this error, and only a new start helps.
     */
    readonly failed: Promise<StoreError>

    // Deliveries

    /** Keeps a delivery and queues what it wants, judging duplicates and superseding, all in one transaction. */
    accept(arrival: Arrival): Promise<Accepted>
    /** Keeps a verified delivery that wants nothing. */
    keep(delivery: VerifiedDelivery, verdict: Verdict): Promise<DeliveryRecord>
    /**
     * A kept delivery as it was proven when it came, with `at` for its time of arrival. A replay gives back what it
     * replayed. null: there is no such delivery.
     */
    recall(id: number, at: Date): Promise<Recalled | null>
    delivery(id: number): Promise<DeliveryRecord | null>
    deliveries(filter: DeliveryFilter): Promise<readonly DeliveryRecord[]>
    /** When each of these secrets of a webhook last proved a delivery; null: never since the state directory was made. */
    secretUses(webhook: string, secrets: readonly Secret[]): Promise<readonly (Date | null)[]>
    /** Forgets one small batch of what is beyond the bounds, oldest first. Answers how much it was; 0: nothing is left. */
    prune(bounds: LedgerBounds): Promise<number>
    /** Removes the logs that are beyond the bounds, but for those that are still needed; answers how many. */
    pruneLogs(bounds: LogBounds): Promise<number>

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
    /** Names the release that a running deployment is about to make live. */
    setRelease(owner: Owner, release: string): Promise<void>
    startStep(
      owner: Owner,
      step: { readonly number: number; readonly name: string; readonly phase: Phase; readonly at: Date },
    ): Promise<void>
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
    /**
     * queued → done as cancelled; a running one is marked, so that no start runs it again: ending it is its owner's.
     */
    cancel(id: number, at: Date): Promise<Cancelled>
    /** A person's word for a queued automatic deployment; what its push named is from then on what it deploys. */
    approve(id: number, how: { readonly by: string | null; readonly at: Date }): Promise<Approved>
    /** Every `running` row, as it was claimed: at start, what an earlier daemon left. */
    running(): Promise<readonly Claim[]>
    /** At start: settles every `running` row that goes on no more, by the rules of `model/queue.ts`. */
    recover(request: {
      /** Those that do go on. */
      readonly except: ReadonlySet<number>
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
    deployments(
      page: Page & {
        readonly app?: string
        readonly state?: State | Outcome
        /** Those that deployed this commit, or were asked for it and never got as far as naming theirs. */
        readonly revision?: Revision
      },
    ): Promise<readonly Deployment[]>
    /** All that is running or queued, in the queue's order: running first. */
    queue(): Promise<readonly Queued[]>
    /** What is live of an app, as far as the history tells. */
    live(app: string): Promise<Live>
    /** Every committed change of a deployment from now on; ends with the signal. */
    changes(signal: AbortSignal): AsyncIterable<Deployment>
    /** Fails when the database cannot be written to. */
    ping(): Promise<void>

    /** A copy of the database as it is now, made without holding up anybody; one at a time. */
    backup(): Promise<Backup>

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

export type DeliveryFilter = Page & { readonly webhook?: string; readonly app?: string; readonly providerId?: string }

export type Enqueue = {
  readonly app: string
  readonly trigger: Trigger
  readonly ref: string
  readonly requestedRevision: Revision | null
  readonly adopt: boolean
  readonly at: Date
  /** `requestedRevision` itself is deployed; a rollback is exact, said or not. */
  readonly exact?: boolean
  readonly forced?: boolean
  /** What a rollback goes back to. */
  readonly release?: string | null
  readonly askedBy?: string | null
  readonly note?: string | null
  /** It brings a hold of the app, in force from now on, and taken back if it does not succeed. */
  readonly hold?: Hold['until'] | null
}

/** What a deployment of an app would hold while it runs (`excludes` of `model/queue.ts`), as what it would run, and when it may. */
export type ClaimTarget = Pick<App, 'concurrencyGroup' | 'fingerprint' | 'approve' | 'windows'> & {
  readonly realPath: string
}

/** Proves the right to write a running deployment: a later attempt has another number. */
export type Owner = { readonly id: number; readonly attempt: number }

export type Cancelled = 'cancelled' | 'cancelling' | 'done' | 'not_found'

/** `not_needed`: a person asked for it. One that was approved before stays with who approved it. */
export type Approved = 'approved' | 'not_found' | 'not_queued' | 'not_needed'

export type Claim = {
  readonly deployment: Deployment
  /** Somebody cancelled it before the daemon died: nothing is left of it but the way back. */
  readonly isCancelled: boolean
  readonly owner: Owner
}

export type Queued = {
  readonly id: number
  readonly app: string
  readonly state: 'queued' | 'running'
  readonly trigger: Trigger
  readonly forced: boolean
  readonly approvedAt: Date | null
  /** What it was claimed with; null while it is queued. */
  readonly concurrencyGroup: string | null
  readonly realPath: string | null
}

export type Live = {
  /** Of the last deployment that succeeded. */
  readonly revision: Revision | null
  /** null: it made none. */
  readonly release: string | null
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
  /** Another daemon goes on with the step: what masking held back, for `takeUp`, and not for the log; null: nothing was. */
  putAside(step: number): Promise<Buffer | null>
  takeUp(step: number, aside: Buffer): Promise<void>
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

export type * from './arrival.ts'
export type { RollbackTarget } from './gates.ts'
