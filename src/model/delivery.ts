import type { Revision } from './revision.ts'

/** One HTTP request to a webhook, as it came. */
export type Delivery = {
  readonly webhook: string
  readonly body: Buffer
  /** Names in lower case; a header sent twice arrives joined by `, ` as Node does, which no strict pattern accepts. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly receivedAt: Date
  readonly remoteAddress: string
}

declare const brand: unique symbol

/**
 * A delivery whose signature or token was proven: the only thing a provider's `parse` takes. Its body is what was signed,
 * which for some hosts is one field of the form that came.
 */
export type VerifiedDelivery = Delivery & {
  readonly [brand]: 'VerifiedDelivery'
  /** The host's own id of the delivery, or null where it sends none. At most 128 printable ASCII characters. */
  readonly providerId: string | null
  /** Whether the signature covers `providerId`; if not, the body's hash is looked at too when judging duplicates. */
  readonly idIsSigned: boolean
  /** Which of the webhook's secrets proved it, counted from 0. */
  readonly secret: number
}

/** For `verify` of a provider alone: says that `delivery` was proven. A test holds everyone else to that. */
export function markVerified(
  delivery: Delivery,
  proof: { readonly providerId: string | null; readonly idIsSigned: boolean; readonly secret: number },
): VerifiedDelivery {
  return { ...delivery, ...proof } as VerifiedDelivery
}

/** For the store alone: gives back what it kept, and it keeps nothing unproven. A test holds everyone else to that. */
export function recallVerified(
  delivery: Delivery,
  proof: { readonly providerId: string | null; readonly idIsSigned: boolean; readonly secret: number },
): VerifiedDelivery {
  return markVerified(delivery, proof)
}

/** Why a request was not believed. */
export type RefusalReason = 'no_signature' | 'bad_signature' | 'wrong_scheme' | 'stale' | 'malformed_header'

/** Why a believed delivery, or one app, wants no deployment, from the furthest away to the nearest miss. */
export const ignoredReasons = ['event', 'ping', 'no_app', 'webhook', 'tag', 'branch', 'deleted', 'skip'] as const
export type IgnoredReason = (typeof ignoredReasons)[number]

/** What an app shall deploy. */
export type Wanted = { readonly app: string; readonly ref: string; readonly requestedRevision: Revision | null }

/** An app that a push reached but does not deploy. */
export type IgnoredApp = { readonly app: string; readonly reason: IgnoredReason }

export type DeliveryResult = 'accepted' | 'duplicate' | 'ignored' | 'malformed'

/** A verified delivery as it is kept. The API shows all of it. */
export type DeliveryRecord = {
  readonly id: number
  readonly webhook: string
  readonly provider: string
  readonly providerId: string | null
  readonly event: string | null
  readonly receivedAt: Date
  readonly remoteAddress: string
  readonly result: DeliveryResult
  /** An `IgnoredReason`, or for `malformed` a sentence that names the field; null when accepted. */
  readonly reason: string | null
  readonly duplicateOf: number | null
  /** The delivery that a person had judged again: this one did not come, it is that one's replay. */
  readonly replayOf: number | null
  readonly secret: number
  /** What was pushed, for people; null for events without a push. */
  readonly repository: string | null
  readonly ref: string | null
  readonly after: string | null
  readonly pusher: string | null
  readonly deployments: readonly { readonly id: number; readonly app: string }[]
  readonly ignored: readonly IgnoredApp[]
}

/** A request that was not believed, as much as may be remembered of it: in memory, never in the store. */
export type Refusal = {
  readonly at: Date
  readonly webhook: string
  readonly remoteAddress: string
  /** The claimed id, only if it is harmless to show: `[A-Za-z0-9-]{1,64}`. */
  readonly providerId: string | null
  readonly reason: RefusalReason
}

/** Why a request that was meant for a webhook never reached one. */
export type StrayReason =
  'no_webhook' | 'method' | 'too_large' | 'encoded' | 'rate_limited' | 'timeout' | 'headers_too_large'

/** A request that never became a delivery, as much as may be remembered of it: in memory, never in the store. */
export type Stray = {
  readonly at: Date
  readonly remoteAddress: string
  /** The name in its path, only if it is harmless to show. */
  readonly webhook: string | null
  readonly reason: StrayReason
}
