import type { Clock } from './lib/clock.ts'
import type { FailPoint } from './lib/fail-point.ts'
import type { Log } from './lib/log.ts'
import { furthest, matchAll } from './match.ts'
import type { App, DeployMap, Webhook } from './model/deploy-map.ts'
import type { Delivery, IgnoredApp, RefusalReason, VerifiedDelivery } from './model/delivery.ts'
import type { Deployment } from './model/deployment.ts'
import { branchRef } from './model/ref.ts'
import { providerOf } from './providers/index.ts'
import type { Parsed, Provider } from './providers/provider.ts'
import type { Store } from './store/store.ts'

/** What became of a request: exactly one of these, each with its reason. */
export type Received =
  | { readonly result: 'refused'; readonly reason: RefusalReason }
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

export type Ingest = {
  /** Judges one request to a webhook. When it resolves, what was accepted is on disk. Rejects if it cannot be kept. */
  receive(delivery: Delivery, webhook: Webhook): Promise<Received>
  /** Queues what a person asked for: the tip of the app's branch. */
  request(app: App, how: { readonly trigger: 'manual' | 'retry'; readonly adopt: boolean }): Promise<Deployment>
}

export type IngestDeps = {
  readonly store: Pick<Store, 'accept' | 'keep' | 'enqueue'>
  readonly map: () => DeployMap
  readonly clock: Clock
  readonly log: Log
  readonly failPoint: FailPoint
  /** Told of every request that was not believed. */
  readonly onRefused: (delivery: Delivery, reason: RefusalReason, claimedId: string | null) => void
}

/** From a request to queued deployments, in this order and no other: verify, parse, match, keep. */
export function createIngest({ store, map, clock, log, failPoint, onRefused }: IngestDeps): Ingest {
  return {
    async receive(delivery, webhook) {
      const provider = providerOf(webhook)
      const verified = provider.verify(delivery, webhook)
      if ('refused' in verified) return refuse(delivery, provider, verified.refused)
      failPoint('after-verify')

      const parsed = provider.parse(verified)
      if (parsed.kind !== 'pushes') return keepUnwanted(verified, webhook, parsed)
      return accept(verified, webhook, parsed)
    },

    request(app, { trigger, adopt }) {
      return store.enqueue({
        app: app.name,
        trigger,
        ref: branchRef(app.branch),
        requestedRevision: null,
        adopt,
        at: clock.now(),
      })
    },
  }

  function refuse(delivery: Delivery, provider: Provider, reason: RefusalReason): Received {
    onRefused(delivery, reason, provider.claimedId(delivery.headers))
    return { result: 'refused', reason }
  }

  async function keepUnwanted(
    verified: VerifiedDelivery,
    webhook: Webhook,
    parsed: Exclude<Parsed, { kind: 'pushes' }>,
  ): Promise<Received> {
    const { event } = parsed
    const reason = parsed.kind === 'ignored' ? parsed.reason : parsed.problem
    const kept = await store.keep(verified, { provider: webhook.provider, event, result: parsed.kind, reason })
    log.info({ webhook: webhook.name, delivery: kept.id, event, result: parsed.kind, reason }, 'delivery')
    if (parsed.kind === 'malformed')
      return { result: 'malformed', delivery: kept.id, problem: parsed.problem, secret: verified.secret }
    return {
      result: 'ignored',
      delivery: kept.id,
      deployments: [],
      ignored: [],
      reason,
      duplicateOf: null,
      secret: verified.secret,
    }
  }

  async function accept(
    verified: VerifiedDelivery,
    webhook: Webhook,
    parsed: Extract<Parsed, { kind: 'pushes' }>,
  ): Promise<Received> {
    const { wanted, ignored } = matchAll(parsed.pushes, webhook.name, map())
    const { delivery, result, deployments, bodyDiffers } = await store.accept({
      delivery: verified,
      provider: webhook.provider,
      event: parsed.event,
      trigger: 'push',
      push: parsed.pushes[0] ?? null,
      wanted,
      ignored,
      reason: wanted.length > 0 ? null : furthest(ignored),
    })
    failPoint('after-commit')
    if (bodyDiffers) {
      log.warn(
        { webhook: webhook.name, delivery: delivery.id, providerId: delivery.providerId },
        'same delivery id, other body',
      )
    }
    const { reason, duplicateOf } = delivery
    log.info(
      {
        webhook: webhook.name,
        delivery: delivery.id,
        result,
        reason,
        ref: delivery.ref,
        deployments: deployments.map(({ id }) => id),
      },
      'delivery',
    )
    return {
      result,
      delivery: delivery.id,
      deployments,
      ignored: delivery.ignored,
      reason,
      duplicateOf,
      secret: verified.secret,
    }
  }
}
