import { ago } from '../lib/ago.ts'
import type { Clock } from '../lib/clock.ts'
import type { CatchUpState } from '../model/catch-up-state.ts'
import type { App, DeployMap } from '../model/deploy-map.ts'
import type { Refusals } from '../store/refusals.ts'
import type { Strays } from '../store/strays.ts'
import type { Store } from '../store/store.ts'

/** What explaining reads; it changes nothing. */
export type ExplainDeps = {
  readonly store: Pick<
    Store,
    | 'delivery'
    | 'deliveries'
    | 'deployment'
    | 'deployments'
    | 'queue'
    | 'live'
    | 'recall'
    | 'reportsOf'
    | 'gates'
    | 'quarantined'
    | 'ping'
  >
  readonly map: () => DeployMap
  /** Where a path of the map really lies. */
  readonly realPath: (path: string) => string
  readonly refusals: Pick<Refusals, 'recent' | 'count'>
  readonly strays: Pick<Strays, 'recent'>
  readonly config: () => {
    readonly file: string
    readonly loadedAt: Date
    /** What keeps the newest file from being loaded. */
    readonly problems: readonly string[]
  }
  readonly catchUp: (app: App) => CatchUpState
  /** What is wrong with the disks that deployments need, in sentences. */
  readonly diskProblems: (apps?: Iterable<App>) => Promise<readonly string[]>
  readonly clock: Clock
}

/** `2 min ago`, by the clock of the explanation. */
export function told(at: Date, { clock }: Pick<ExplainDeps, 'clock'>): string {
  return ago(at, clock.now())
}

/** A commit as people say it. */
export function short(revision: string): string {
  return revision.slice(0, 12)
}
