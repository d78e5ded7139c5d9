import type { Secret } from '../lib/secret.ts'
import type {
  DeliveryRecord,
  DeliveryResult,
  IgnoredApp,
  IgnoredReason,
  VerifiedDelivery,
  Wanted,
} from '../model/delivery.ts'
import type { Deployment } from '../model/deployment.ts'
import type { PushEvent } from '../model/push-event.ts'

/** What is kept of a delivery besides what it says. */
export type Keeping = {
  readonly provider: string
  /** Those of its headers that are fit to be kept. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether its body is kept too, for a replay. */
  readonly keepsBody: boolean
  /** The keys in it whose values are not kept. */
  readonly proofsInBody: readonly string[]
  /** The secret that proved it; null for a replay, which proves nothing anew. */
  readonly secret: Secret | null
  /** The delivery that a person wants judged again: then nothing is a duplicate. */
  readonly replayOf: number | null
}

export type Recalled = {
  /** Of the delivery that came. */
  readonly record: DeliveryRecord
  /** null: its body is not kept (any more). */
  readonly delivery: VerifiedDelivery | null
}

export type Arrival = Keeping & {
  readonly delivery: VerifiedDelivery
  readonly event: string
  /** For people: the push of the delivery to tell of. */
  readonly push: PushEvent | null
  /** At most one per app. */
  readonly wanted: readonly Wanted[]
  readonly ignored: readonly IgnoredApp[]
  /** The furthest that any app got; null when something is wanted. */
  readonly reason: IgnoredReason | null
}

export type Accepted = {
  readonly delivery: DeliveryRecord
  readonly result: Exclude<DeliveryResult, 'malformed'>
  /** The new ones, state `queued`. */
  readonly deployments: readonly Deployment[]
  /** The same provider id as an earlier delivery, with another body: worth a warning. */
  readonly bodyDiffers: boolean
}

export type Verdict = Keeping & {
  readonly event: string | null
  readonly result: 'ignored' | 'malformed'
  readonly reason: string
}
