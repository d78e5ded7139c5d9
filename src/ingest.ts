import type { Clock } from './lib/clock.ts'
import type { FailPoint } from './lib/fail-point.ts'
import type { Log } from './lib/log.ts'
import { furthest, matchApps } from './match.ts'
import type { App, DeployMap, Webhook } from './model/deploy-map.ts'
import type { Delivery, IgnoredApp, RefusalReason, VerifiedDelivery } from './model/delivery.ts'
import type { Deployment } from './model/deployment.ts'
import type { PushEvent } from './model/push-event.ts'
import { providerOf } from './providers/index.ts'
import type { Parsed, Provider } from './providers/provider.ts'
import type { Store, Wanted } from './store/store.ts'

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
  /** Queues what a person asked for: the tip of this branch or tag of the app. */
  request(
    app: App,
    how: { readonly trigger: 'manual' | 'retry'; readonly ref: string; readonly adopt: boolean },
  ): Promise<Deployment>
}

export type IngestDeps = {
  readonly store: Pick<Store, 'accept' | 'keep' | 'enqueue' | 'deployments'>
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

    request(app, { trigger, ref, adopt }) {
      return store.enqueue({
        app: app.name,
        trigger,
        ref,
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
    const { wanted, ignored } = judge(await Promise.all(parsed.pushes.map(withRef)), webhook, map())
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

  /** A push that names an app but no ref means, where the app has no one branch, what was deployed last. */
  async function withRef(push: PushEvent): Promise<PushEvent> {
    if (push.app === null || push.ref !== null || map().apps.get(push.app)?.branch !== null) return push
    const [newest] = await store.deployments({ app: push.app, limit: 1 })
    return newest === undefined ? push : { ...push, ref: newest.ref }
  }
}

/** What the pushes of one delivery want of the map: each app at most once, by the last push that it wants, or with its nearest miss. */
function judge(
  pushes: readonly PushEvent[],
  webhook: Webhook,
  map: DeployMap,
): { readonly wanted: readonly Wanted[]; readonly ignored: readonly IgnoredApp[] } {
  const wanted = new Map<string, Wanted>()
  const ignored = new Map<string, IgnoredApp>()
  for (const push of pushes) {
    for (const match of matchApps(push, webhook.name, map)) {
      const app = match.app.name
      if (match.reason === null) wanted.set(app, { app, ref: match.ref, requestedRevision: push.after })
      else ignored.set(app, nearer(ignored.get(app), { app, reason: match.reason }))
    }
  }
  return { wanted: [...wanted.values()], ignored: [...ignored.values()].filter(({ app }) => !wanted.has(app)) }
}

function nearer(known: IgnoredApp | undefined, found: IgnoredApp): IgnoredApp {
  return known !== undefined && furthest([known, found]) === known.reason ? known : found
}
