import type { Explanation } from '../explain.ts'
import type { Doctor } from '../doctor.ts'
import type { Ingest } from '../ingest.ts'
import type { Clock } from '../lib/clock.ts'
import type { FailPoint } from '../lib/fail-point.ts'
import type { Log } from '../lib/log.ts'
import type { Refusal, Stray } from '../model/delivery.ts'
import type { CatchUpState } from '../model/catch-up-state.ts'
import type { App, DeployMap } from '../model/deploy-map.ts'
import type { ConfigState, Reloaded } from '../reload.ts'
import type { Sender } from '../outbox.ts'
import type { Simulate } from '../simulate.ts'
import type { Runner } from '../runner/runner.ts'
import type { Store } from '../store/store.ts'
import type { Worker } from '../worker.ts'
import type { Limits } from './limits.ts'

/** All that HTTP needs of the daemon. */
export type HttpDeps = {
  readonly map: () => DeployMap
  readonly store: Pick<
    Store,
    | 'deployment'
    | 'deployments'
    | 'delivery'
    | 'deliveries'
    | 'secretUses'
    | 'queue'
    | 'approve'
    | 'hold'
    | 'unhold'
    | 'freeze'
    | 'unfreeze'
    | 'gates'
    | 'quarantined'
    | 'rollbackTarget'
    | 'live'
    | 'readLog'
    | 'followLog'
    | 'changes'
    | 'stateId'
    | 'reportsOf'
    | 'reportCounts'
    | 'ping'
    | 'backup'
  >
  /** Where a path of the map really lies. */
  readonly realPath: (path: string) => string
  readonly ingest: Pick<Ingest, 'receive' | 'replay' | 'request'>
  readonly worker: Pick<Worker, 'cancel'>
  readonly runner: Pick<Runner, 'releases'>
  readonly reload: () => Promise<Reloaded>
  readonly config: () => ConfigState
  /** null: nothing is known by that name or number. */
  readonly explain: (subject: string | null) => Promise<Explanation | null>
  readonly simulate: Simulate
  readonly doctor: Doctor
  readonly sender: Pick<Sender, 'tryOut'>
  readonly catchUp: (app: App) => CatchUpState
  /** Asks every remote now: what was kept back is not any more. */
  readonly wakeCatchUp: () => void
  readonly refusals: {
    /** Newest first. */
    recent(webhook: string): readonly Refusal[]
    count(webhook: string): number
  }
  /** Told of every request that was meant for a webhook and never reached one. */
  readonly strays: { record(stray: Stray): void }
  /** What health tells besides: codes of what is wrong, and of what somebody should look at. */
  readonly health: () => { readonly reasons: readonly string[]; readonly warnings: readonly string[] }
  /** What is wrong with the disks that deployments need, in sentences. */
  readonly diskProblems: (apps?: Iterable<App>) => Promise<readonly string[]>
  /** The daemon is on its way down: deliveries are still kept, nothing new is started. */
  readonly draining: () => boolean
  readonly startedAt: Date
  readonly version: string
  readonly clock: Clock
  readonly log: Log
  readonly failPoint: FailPoint
  /** For tests; the defaults are in `limits.ts`. */
  readonly limits?: Partial<Limits>
}

/** How a request came in: over `server.listen`, or over the control socket, whose file mode is the permission. */
export type Door = 'public' | 'control'
