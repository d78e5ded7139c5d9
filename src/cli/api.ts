import type { App } from '../model/deploy-map.ts'
import type { DeliveryRecord, Refusal } from '../model/delivery.ts'
import type { Deployment } from '../model/deployment.ts'
import type { Freeze, Hold, Quarantined } from '../model/gate.ts'
import type { Release } from '../model/release.ts'
import type { Explanation } from '../explain.ts'
import type { Simulation } from '../simulate.ts'

/** A value as JSON brings it: times are ISO 8601 text. */
type Wire<T> = T extends Date
  ? string
  : T extends string
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Wire<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: Wire<T[Key]> }
        : T

/** The API's answers (DESIGN §6), as far as the commands read them. */
export type DeploymentView = Wire<Omit<Deployment, 'adopt'>> & { readonly waitingFor: string | null }

export type DeliveryView = Wire<DeliveryRecord>

export type SimulationView = Wire<Simulation>

/** A signed push, ready to be sent; `body` in base64. */
export type SampleView = {
  readonly app: string
  readonly ref: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type RefusalView = Wire<Refusal>

export type StatusView = {
  readonly version: string
  readonly startedAt: string
  readonly listen: string
  readonly config: { readonly file: string; readonly loadedAt: string; readonly problems: readonly string[] }
  /** Codes of `GET /readyz`: `stuck`, `clock_jumped`. */
  readonly health: { readonly reasons: readonly string[]; readonly warnings: readonly string[] }
  /** Disks that have less free than is to be left free, and the names of the apps that are not deployed for that. */
  readonly disk: { readonly problems: readonly string[]; readonly stops: 'all' | readonly string[] }
  /** Names of the apps whose repository does not answer. */
  readonly catchUp: { readonly failing: readonly string[] }
  readonly held: readonly (HoldView & { readonly app: string })[]
  /** Of single apps, and of all of them. */
  readonly frozen: readonly FreezeView[]
  readonly webhooks: readonly WebhookView[]
  readonly reporters: readonly ReporterView[]
  readonly running: number
  readonly queued: number
  readonly maxRunning: number
  readonly draining: boolean
}

export type ReporterView = {
  readonly name: string
  /** null: it is not in deploy.yml any more. */
  readonly kind: string | null
  readonly pending: number
  readonly dead: number
  readonly lastSentAt: string | null
  readonly lastError: string | null
}

/** How a made-up report went. */
export type ReportView = { readonly result: 'told' | 'failed'; readonly problem: string | null }

export type WebhookView = {
  readonly name: string
  readonly provider: string
  readonly path: string
  /** null: deploy.yml has no server.public_url. */
  readonly url: string | null
  /** The newest first, as in deploy.yml. */
  readonly secrets: readonly { readonly number: number; readonly lastUsedAt: string | null }[]
  readonly lastDelivery: {
    readonly id: number
    readonly at: string
    readonly result: string
    readonly reason: string | null
  } | null
  readonly refused: { readonly count: number; readonly last: RefusalView | null }
}

export type AppView = {
  readonly name: string
  readonly repo: string
  /** null: by the globs of `branches` and `tags`. */
  readonly branch: string | null
  readonly branches: readonly string[]
  readonly tags: readonly string[]
  readonly path: string
  /** null: nothing yet. */
  readonly live: { readonly revision: string; readonly deployment: number | null; readonly at: string | null } | null
  readonly strategy: App['strategy']
  /** The one that is live; null: of an app that is deployed in place. */
  readonly release: string | null
  readonly held: HoldView | null
  readonly frozen: FreezeView | null
  readonly running: number | null
  readonly queued: readonly number[]
  readonly last: DeploymentView | null
  readonly catchUp: {
    /** null: off. */
    readonly every: string | null
    readonly answeredAt: string | null
    readonly failing: {
      readonly times: number
      readonly since: string
      readonly reason: string
      readonly message: string
    } | null
  }
}

export type HoldView = Wire<Omit<Hold, 'app'>>

/** `scope`: the app, or `*` for all. */
export type FreezeView = Wire<Freeze>

/** An app once it is held or frozen, or is not any more. */
export type HeldView = { readonly held: HoldView; readonly app: AppView }
export type UnheldView = {
  readonly ended: HoldView | null
  readonly app: AppView
  /** The newest revision that is not deployed by itself. */
  readonly quarantined: Wire<Quarantined> | null
}
export type FrozenView = { readonly frozen: FreezeView; readonly app?: AppView }
export type UnfrozenView = { readonly ended: FreezeView | null; readonly app?: AppView }

export type ReleaseView = Wire<Pick<Release, 'name' | 'revision' | 'ref' | 'deployment' | 'isLive' | 'isComplete'>> & {
  readonly at: string
  /** What a rollback goes back to, unless told otherwise. */
  readonly isPrevious: boolean
  readonly quarantined: boolean
}

export type ReleasesView = { readonly strategy: string; readonly releases: readonly ReleaseView[] }

export type DeploymentsView = { readonly deployments: readonly DeploymentView[]; readonly next: number | null }

export type DeliveriesView = {
  readonly deliveries: readonly DeliveryView[]
  readonly next: number | null
  readonly refused: readonly RefusalView[]
}

/** What became of a replayed delivery. */
export type ReplayView = {
  readonly delivery: number
  readonly result: string
  readonly deployments?: readonly { readonly id: number; readonly app: string }[]
  readonly reason?: string
  readonly ignored: readonly { readonly app: string; readonly reason: string }[]
}

export type ReloadView =
  | { readonly result: 'reloaded'; readonly warnings: readonly string[] }
  | { readonly result: 'refused'; readonly problems: readonly string[] }

export type ExplanationView = Explanation

/** One event of a followed log; `id` is where to resume. */
export type LogEvent =
  | {
      readonly kind: 'line'
      readonly id: string | null
      readonly at: string
      /** The step's name; null: the daemon's own words. */
      readonly step: string | null
      readonly text: string
    }
  | { readonly kind: 'state'; readonly id: string | null; readonly deployment: DeploymentView }
  | { readonly kind: 'end'; readonly id: string | null }
