import { keptHeaders } from './ingest/kept-headers.ts'
import type { Judged, NotReplayed, Received, Replayed } from './ingest/received.ts'
import type { Clock } from './lib/clock.ts'
import type { FailPoint } from './lib/fail-point.ts'
import type { Log } from './lib/log.ts'
import { furthest, matchAll } from './match.ts'
import { withRefs } from './match/with-refs.ts'
import type { Candidate } from './model/catch-up.ts'
import type { App, DeployMap, Webhook } from './model/deploy-map.ts'
import type { Delivery, RefusalReason, VerifiedDelivery } from './model/delivery.ts'
import type { Deployment } from './model/deployment.ts'
import type { Hold } from './model/gate.ts'
import type { Revision } from './model/revision.ts'
import { providerOf } from './providers/index.ts'
import { parseDelivery } from './providers/parse-delivery.ts'
import type { Parsed, Provider } from './providers/provider.ts'
import type { Keeping, Recalled, Store } from './store/store.ts'

export type { Received, Replayed } from './ingest/received.ts'

export type Ingest = {
  /** Judges one request to a webhook. When it resolves, what was accepted is on disk. Rejects if it cannot be kept. */
  receive(delivery: Delivery, webhook: Webhook): Promise<Received>
  /** Judges a kept delivery once more, by the map as it is now; nothing is a duplicate, for a person asked. */
  replay(id: number): Promise<Replayed>
  /** Queues what a person asked for: the tip of this branch or tag of the app, or one version of it. */
  request(app: App, asked: Asked): Promise<Deployment>
  /** Queues what catch-up found: a push that no delivery told of. null: something queued or running has it in hand. */
  readonly found: (app: App, pushed: Candidate) => Promise<Deployment | null>
}

export type Asked = {
  readonly trigger: 'manual' | 'retry' | 'rollback'
  readonly ref: string
  readonly adopt: boolean
  readonly forced: boolean
  /** null: the tip. */
  readonly version: { readonly revision: Revision; readonly release: string | null } | null
  readonly by: string | null
  readonly reason: string | null
}

export type IngestDeps = {
  readonly store: Pick<Store, 'accept' | 'keep' | 'recall' | 'enqueue' | 'enqueueFound' | 'deployments'>
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

      return consider(verified, webhook, { replayOf: null })
    },

    async replay(id) {
      const recalled = await store.recall(id, clock.now())
      if (recalled === null) return { result: 'unknown' }
      const webhook = map().webhooks.get(recalled.record.webhook)
      if (recalled.delivery === null) return notReplayed('not_kept', recalled)
      if (webhook === undefined) return notReplayed('webhook_gone', recalled)
      if (webhook.provider !== recalled.record.provider) return notReplayed('other_provider', recalled)
      return consider(recalled.delivery, webhook, { replayOf: recalled.record.id })
    },

    request(app, { trigger, ref, adopt, forced, version, by: askedBy, reason: note }) {
      return store.enqueue({
        ...{ app: app.name, trigger, ref, adopt, forced, askedBy, note, at: clock.now() },
        requestedRevision: version?.revision ?? null,
        exact: version !== null,
        release: version?.release ?? null,
        hold: version === null ? null : holdAfter(trigger, app),
      })
    },

    async found(app, { ref, tip }) {
      const wanted = { app: app.name, trigger: 'catch-up', ref, requestedRevision: tip, adopt: false } as const
      const deployment = await store.enqueueFound({ ...wanted, at: clock.now() })
      if (deployment !== null)
        log.info(
          { app: app.name, ref, revision: tip, deployment: deployment.id },
          'found a push that no delivery told of',
        )
      return deployment
    },
  }

  function refuse(delivery: Delivery, provider: Provider, reason: RefusalReason): Received {
    onRefused(delivery, reason, provider.claimedId(delivery.headers))
    return { result: 'refused', reason }
  }

  function notReplayed(result: Exclude<NotReplayed['result'], 'unknown'>, { record }: Recalled): NotReplayed {
    const reached = [...record.deployments, ...record.ignored].map(({ app }) => app)
    return { result, apps: [...new Set(reached)].filter((app) => map().apps.has(app)) }
  }

  /** What a proven delivery says, and what the map makes of it: the same for one that came and one that is replayed. */
  async function consider(
    verified: VerifiedDelivery,
    webhook: Webhook,
    { replayOf }: { readonly replayOf: number | null },
  ): Promise<Judged> {
    const provider = providerOf(webhook)
    const isReplay = replayOf !== null
    const keeping: Keeping = {
      provider: webhook.provider,
      headers: keptHeaders(verified.headers, provider.headers),
      keepsBody: !isReplay && map().server.keepDeliveriesMs > 0,
      proofsInBody: provider.proofsInBody ?? [],
      secret: isReplay ? null : (webhook.secrets[verified.secret] ?? null),
      replayOf,
    }
    const { parsed, delivery } = await parseDelivery(verified, webhook)
    if (parsed.kind !== 'pushes') return keepUnwanted(delivery, parsed, keeping)
    return accept(delivery, { webhook, parsed, keeping })
  }

  async function keepUnwanted(
    verified: VerifiedDelivery,
    parsed: Exclude<Parsed, { kind: 'pushes' }>,
    keeping: Keeping,
  ): Promise<Judged> {
    const { event } = parsed
    const reason = parsed.kind === 'ignored' ? parsed.reason : parsed.problem
    // Where proofs stand in a body that cannot be read, nobody knows.
    const keepsBody = keeping.keepsBody && (parsed.kind !== 'malformed' || keeping.proofsInBody.length === 0)
    const kept = await store.keep(verified, { ...keeping, keepsBody, event, result: parsed.kind, reason })
    const { webhook, replayOf } = kept
    log.info({ webhook, delivery: kept.id, event, result: parsed.kind, reason, ...replay(replayOf) }, 'delivery')
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
    { webhook, parsed, keeping }: { webhook: Webhook; parsed: Extract<Parsed, { kind: 'pushes' }>; keeping: Keeping },
  ): Promise<Judged> {
    const current = map() // one map for all of it: a reload may come in between
    const { wanted, ignored, told } = matchAll(
      await withRefs(parsed.pushes, { map: current, store }),
      webhook.name,
      current,
    )
    const { delivery, result, deployments, bodyDiffers } = await store.accept({
      ...keeping,
      delivery: verified,
      event: parsed.event,
      push: told,
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
        ...replay(keeping.replayOf),
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

/** Without a hold, the next push or catch-up would undo it. */
function holdAfter(trigger: Asked['trigger'], { holdAfterRollback }: App): Hold['until'] {
  return trigger === 'rollback' ? holdAfterRollback : 'unhold'
}

/** For the log: only a replay has the field. */
function replay(replayOf: number | null): object {
  return replayOf === null ? {} : { replayOf }
}
