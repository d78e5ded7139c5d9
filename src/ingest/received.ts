import type { IgnoredApp, RefusalReason } from '../model/delivery.ts'
import type { Deployment } from '../model/deployment.ts'

/** What became of a request: exactly one of these, each with its reason. */
export type Received = { readonly result: 'refused'; readonly reason: RefusalReason } | Judged

/** What became of a delivery that was proven. */
export type Judged =
  | { readonly result: 'malformed'; readonly delivery: number; readonly problem: string; readonly secret: number }
  | {
      readonly result: 'accepted' | 'duplicate' | 'ignored'
      readonly delivery: number
      readonly deployments: readonly Deployment[]
      readonly ignored: readonly IgnoredApp[]
      readonly reason: string | null
      readonly duplicateOf: number | null
      /** Which of the webhook's secrets proved it, counted from 0. */
      readonly secret: number
    }

/** What became of a wish to have a kept delivery judged again. */
export type Replayed = Judged | NotReplayed

export type NotReplayed =
  /** There never was such a delivery, or its row is forgotten. */
  | { readonly result: 'unknown' }
  /**
   * Its body is not kept (any more); its webhook is not in the map (any more); its webhook is of another provider now.
   * `apps`: those of the map that it reached when it came.
   */
  | { readonly result: 'not_kept' | 'webhook_gone' | 'other_provider'; readonly apps: readonly string[] }
