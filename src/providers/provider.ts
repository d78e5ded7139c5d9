import type { z } from 'zod'
import type { Secret } from '../lib/secret.ts'
import type { Delivery, RefusalReason, VerifiedDelivery } from '../model/delivery.ts'
import type { PushEvent } from '../model/push-event.ts'
import type { Revision } from '../model/revision.ts'

/**
 * A kind of git host: how its deliveries are proven and what they say. A provider is pure: no network, no clock, no
 * map, and it throws for nothing that a request can hold.
 */
export type Provider = {
  /** The provider's own keys of a webhook's entry in deploy.yml; `z.strictObject({})` when it has none. */
  readonly options: z.ZodObject

  /**
   * The headers by which `parse` and people know what a delivery is; kept with it, beside Content-Type and User-Agent.
   * Never one that proves: GitHub once sent a webhook's secret in a header that nobody expected.
   */
  readonly headers: readonly Lowercase<string>[]

  /**
   * The keys of a body whose values prove something to whoever reads them: never kept, whatever their value, while the
   * secret itself is looked for in every body.
   */
  readonly proofsInBody?: readonly string[]

  /** A command that makes a new secret, where `openssl rand -hex 32` does not make one of the right form. */
  readonly makeSecret?: string

  /**
   * What is wrong with this set of secrets for this provider beyond their length, as a sentence with the cure, or null.
   * Runs when deploy.yml is checked.
   */
  checkSecrets?(secrets: readonly Secret[]): string | null

  /** What proves a delivery where these are the secrets, in the words of the host's form: `signature over the body`. */
  proof(secrets: readonly Secret[]): string

  /** The host's own form for this webhook, as far as advice names its fields. */
  form(webhook: { readonly secrets: readonly Secret[]; readonly options: unknown }): HookForm

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

  /** A push in the host's own words: for the demo, `send`, and tests of every provider. */
  compose(push: SamplePush): { readonly event: string; readonly body: Buffer }

  /** Headers and body of a delivery as this host would send it, with the webhook's options as deploy.yml has them. */
  sign(message: Unsigned, webhook: { readonly secret: Secret; readonly options: unknown }): Signed
}

export type Parsed =
  | { readonly kind: 'pushes'; readonly event: string; readonly pushes: readonly PushEvent[] }
  /** `event`: a kind of event that never deploys; `ping`: the host's own test of the webhook. */
  | { readonly kind: 'ignored'; readonly event: string | null; readonly reason: 'event' | 'ping' }
  /** `problem` names the field and what it should be, and quotes nothing from the body. */
  | { readonly kind: 'malformed'; readonly event: string | null; readonly problem: string }

/** What the form of a webhook is called in the host's own words, so that nobody looks for a field that is not there. */
export type HookForm = {
  /** Each field with what goes into it, but for URL and secret: `"Content type" application/json`. */
  readonly fields: readonly string[]
  readonly urlField: string
  readonly secretField: string
  /** What a rightly filled form makes the host send: the headers that prove, and what is easily mistaken for them. */
  readonly sends: string
  /** How the host is made to send a delivery once more, as an order: `redeliver it under "Recent Deliveries"`. */
  readonly again: string
}

/** A push to make up. */
export type SamplePush = {
  /** As the host shows it: `acme/blog`. */
  readonly repository: string
  /** The clone URL of deploy.yml. */
  readonly url: string
  readonly ref: string
  /** null: the push makes the ref. */
  readonly before: Revision | null
  /** null: the push deletes the ref. */
  readonly after: Revision | null
  readonly forced: boolean
  readonly message: string
  readonly pusher: string
  readonly at: Date
}

export type Unsigned = {
  readonly event: string
  readonly id: string
  readonly body: Buffer
  readonly at: Date
}

export type Signed = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer }
