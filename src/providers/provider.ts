import type { z } from 'zod'
import type { Secret } from '../lib/secret.ts'
import type { Delivery, RefusalReason, VerifiedDelivery } from '../model/delivery.ts'
import type { PushEvent } from '../model/push-event.ts'

/**
 * A kind of git host: how its deliveries are proven and what they say. A provider is pure: no network, no clock, no
 * map, and it throws for nothing that a request can hold.
 */
export type Provider = {
  /** The provider's own keys of a webhook's entry in deploy.yml; `z.strictObject({})` when it has none. */
  readonly options: z.ZodObject

  /**
   * What is wrong with this set of secrets for this provider beyond their length, as a sentence with the cure, or null.
   * Runs when deploy.yml is checked.
   */
  checkSecrets?(secrets: readonly Secret[]): string | null

  /**
   * Proves that the delivery was sent by somebody who knows one of the secrets, over the exact bytes of the body and in
   * constant time, before anything of the body is parsed. `secrets` is never empty.
   */
  verify(
    delivery: Delivery,
    webhook: { readonly secrets: readonly Secret[]; readonly options: unknown },
  ): VerifiedDelivery | { readonly refused: RefusalReason }

  /** What a verified delivery says. */
  parse(delivery: VerifiedDelivery): Parsed

  /** The delivery id that the request claims, for the list of refusals; not yet believed. */
  claimedId(headers: Delivery['headers']): string | null

  /** Headers and body of a delivery as this host would send it: for the demo, `send`, and tests of every provider. */
  sign(message: Unsigned, secret: Secret): Signed
}

export type Parsed =
  | { readonly kind: 'pushes'; readonly event: string; readonly pushes: readonly PushEvent[] }
  /** `event`: a kind of event that never deploys; `ping`: the host's own test of the webhook. */
  | { readonly kind: 'ignored'; readonly event: string | null; readonly reason: 'event' | 'ping' }
  /** `problem` names the field and what it should be, and quotes nothing from the body. */
  | { readonly kind: 'malformed'; readonly event: string | null; readonly problem: string }

export type Unsigned = {
  readonly event: string
  readonly id: string
  readonly body: Buffer
  readonly at: Date
}

export type Signed = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer }
