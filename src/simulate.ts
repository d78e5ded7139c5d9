import type { Clock } from './lib/clock.ts'
import { furthest, matchAll } from './match.ts'
import { withRefs } from './match/with-refs.ts'
import { inQuarantine, type Skip } from './model/already-live.ts'
import type { App, DeployMap, Env, Webhook } from './model/deploy-map.ts'
import type { Phase } from './model/deployment.ts'
import type { Delivery, IgnoredApp, RefusalReason, VerifiedDelivery, Wanted } from './model/delivery.ts'
import { freezeOf, holdOf, nextWindow, openGates, shutGates } from './model/gate.ts'
import type { Freeze, Gate, Gates, Hold, Quarantined } from './model/gate.ts'
import { phasesOf } from './model/phases.ts'
import type { PushEvent } from './model/push-event.ts'
import { excludes, standings, supersede } from './model/queue.ts'
import { providerOf } from './providers/index.ts'
import { parseDelivery } from './providers/parse-delivery.ts'
import { jsonTextOf } from './providers/json-text.ts'
import type { Queued, Store } from './store/store.ts'

/** What would become of a delivery that had never been sent before, with the queue as it is. */
export type Simulation = {
  readonly webhook: string
  readonly provider: string
  /** What the given headers prove, told apart from the rest; `not_checked` without any headers. */
  readonly verification: 'proven' | 'not_checked' | RefusalReason
  readonly event: string | null
  readonly result: 'accepted' | 'ignored' | 'malformed'
  /** As in a delivery: the nearest miss, or for `malformed` what is wrong. */
  readonly reason: string | null
  readonly pushes: readonly Pick<PushEvent, 'repository' | 'app' | 'ref' | 'before' | 'after' | 'deleted' | 'pusher'>[]
  readonly plans: readonly Plan[]
  readonly ignored: readonly IgnoredApp[]
}

/** One deployment that there would be. */
export type Plan = Wanted & {
  readonly path: string
  readonly repo: string
  /** Whether the app's `paths` will still be asked, by what git says when it runs. */
  readonly pathsDecide: boolean
  /** Of all phases, in their order; `env`: names only, the app's and the step's own. */
  readonly steps: readonly PlannedStep[]
  /** Queued deployments whose place it would take. */
  readonly supersedes: readonly number[]
  /** What runs and excludes it, and would end first. */
  readonly waitsFor: readonly number[]
} & Gating

type PlannedStep = {
  readonly phase: Phase
  readonly name: string
  readonly cwd: string
  readonly env: readonly string[]
}

/** What would keep it queued, and what it would be left at. */
type Gating = {
  /** All that are shut, the one that it would wait for first. */
  readonly gates: readonly Gate[]
  /** What would still hold the app once the push has come. */
  readonly held: Hold | null
  readonly frozen: Freeze | null
  /** Where `gates` has `window`: when the next opens; null: none will. */
  readonly opensAt: Date | null
  /** Why it would be skipped in the end, if its ref still leads to the commit that the push names. */
  readonly skip: Skip | null
}

/** Plans the delivery of `payload` to a webhook; nothing is kept and nothing runs. */
export type Simulate = (webhook: Webhook, sent: Pick<Delivery, 'headers' | 'body'>) => Promise<Simulation>

export type SimulateDeps = {
  readonly store: Pick<Store, 'queue' | 'gates' | 'quarantined'> & Parameters<typeof withRefs>[1]['store']
  readonly map: () => DeployMap
  /** Where a path of the map really lies. */
  readonly realPath: (path: string) => string
  readonly clock: Clock
}

export function createSimulate({ store, map, realPath, clock }: SimulateDeps): Simulate {
  return async (webhook, sent) => {
    const given = { webhook: webhook.name, receivedAt: clock.now(), remoteAddress: 'simulated', ...sent }
    const delivery = { ...given, headers: { ...contentTypeOf(sent.body), ...sent.headers } }
    const verification = Object.keys(sent.headers).length === 0 ? 'not_checked' : verificationOf(delivery, webhook)
    const { parsed } = await parseDelivery(believed(delivery, webhook), webhook)
    const common = {
      webhook: webhook.name,
      provider: webhook.provider,
      verification,
      event: parsed.event,
    }
    if (parsed.kind !== 'pushes') {
      const reason = parsed.kind === 'ignored' ? parsed.reason : parsed.problem
      return { ...common, result: parsed.kind, reason, pushes: [], plans: [], ignored: [] }
    }
    const current = map() // one map for all of it: a reload may come in between
    const { wanted, ignored } = matchAll(await withRefs(parsed.pushes, { map: current, store }), webhook.name, current)
    const [queue, gates] = await Promise.all([store.queue(), store.gates()])
    const situation = { map: current, realPath, queue, gates, at: given.receivedAt }
    const plans = wanted.map(async (one) => planOf(one, { ...situation, quarantine: await store.quarantined(one.app) }))
    return {
      ...common,
      result: wanted.length > 0 ? 'accepted' : 'ignored',
      reason: wanted.length > 0 ? null : furthest(ignored),
      pushes: parsed.pushes.map(shown),
      plans: await Promise.all(plans),
      ignored,
    }
  }
}

function verificationOf(delivery: Delivery, webhook: Webhook): Simulation['verification'] {
  const verified = providerOf(webhook).verify(delivery, webhook)
  return 'refused' in verified ? verified.refused : 'proven'
}

/** A saved form says so itself, for no JSON begins like one. */
function contentTypeOf(body: Buffer): Delivery['headers'] {
  return /^payload=/.test(body.toString('latin1', 0, 8)) ? { 'content-type': 'application/x-www-form-urlencoded' } : {}
}

/**
 * The delivery as if it had come with a right proof, which is made here with the webhook's own secret: only what was
 * verified can be parsed. The headers given win, for they say which event it is. Of a form some hosts sign the body and
 * others the JSON text in it; what is neither is taken for JSON, so that it is told what is wrong with that.
 */
function believed(delivery: Delivery, webhook: Webhook): VerifiedDelivery {
  const [secret] = webhook.secrets
  if (secret === undefined) throw new Error(`webhook ${webhook.name} has no secret`)
  const provider = providerOf(webhook)
  const signed = (body: Buffer) =>
    provider.sign({ event: 'push', id: 'simulated', body, at: delivery.receivedAt }, { ...webhook, secret })
  const asIs = signed(delivery.body)
  const text = jsonTextOf(delivery)
  const type = delivery.headers['content-type']
  const inForm =
    'value' in text && text.value !== delivery.body ? [asIs, { ...signed(text.value), body: delivery.body }] : []
  const tries = [...inForm.map((one) => ({ ...one, headers: { ...one.headers, 'content-type': type } })), asIs]
  const verified = tries.map((one) => provider.verify({ ...delivery, ...one }, webhook))
  const proven = verified.find((one) => !('refused' in one))
  if (proven === undefined || 'refused' in proven) throw new Error(`${webhook.provider} refuses what it signed itself`)
  return { ...proven, headers: { ...proven.headers, ...delivery.headers } }
}

function shown({ repository, app, ref, before, after, deleted, pusher }: PushEvent): Simulation['pushes'][number] {
  return { repository, app, ref, before, after, deleted, pusher }
}

type Situation = Pick<SimulateDeps, 'realPath'> & {
  readonly map: DeployMap
  readonly queue: readonly Queued[]
  readonly gates: Gates
  /** Of the app. */
  readonly quarantine: readonly Quarantined[]
  readonly at: Date
}

function planOf(wanted: Wanted, situation: Situation): Plan {
  const { map, realPath, queue, at } = situation
  const app = map.apps.get(wanted.app)
  if (app === undefined) throw new Error(`${wanted.app} matched and is not in the map`)
  const waiting = queue
    .map((queued, place) => ({ ...queued, place }))
    .filter((queued) => queued.app === app.name && queued.state === 'queued')
  const own = { app: app.name, concurrencyGroup: app.concurrencyGroup, realPath: realPath(app.path) }
  const running = queue.filter(({ state }) => state === 'running')
  const inTheWay = standings(running, { apps: map.apps, realPath, gates: openGates, at }).filter((other) =>
    excludes(other, own),
  )
  return {
    ...wanted,
    path: app.path,
    repo: app.repo.url,
    pathsDecide: app.paths !== null,
    steps: plannedSteps(app),
    supersedes: supersede('push', waiting).superseded.map(({ id }) => id),
    waitsFor: inTheWay.map(({ id }) => id),
    ...gatingOf(wanted, { ...situation, app }),
  }
}

function gatingOf(
  { requestedRevision }: Wanted,
  { app, gates: before, quarantine, at }: Pick<Situation, 'gates' | 'quarantine' | 'at'> & { readonly app: App },
): Gating {
  const pushed = { app: app.name, trigger: 'push', forced: false, approvedAt: null } as const
  const isPinned = app.approve && requestedRevision !== null
  const skip =
    requestedRevision === null
      ? null
      : inQuarantine(requestedRevision, { deployment: { ...pushed, exact: isPinned }, quarantine })
  // As in `endHoldByPush` of the store.
  const stays = ({ until }: Hold): boolean => until !== 'next_push' || skip !== null
  const gates = { ...before, holds: before.holds.filter(stays) }
  const shut = shutGates(pushed, { rules: app, gates, at })
  return {
    gates: shut,
    held: holdOf(app.name, gates),
    frozen: freezeOf(app.name, gates, at),
    opensAt: shut.includes('window') ? nextWindow(app, at) : null,
    skip,
  }
}

function plannedSteps(app: App): readonly PlannedStep[] {
  return [...phasesOf(app)].flatMap(([phase, steps]) =>
    steps.map(({ name, cwd, env }) => ({ phase, name, cwd, env: namesIn(app.env, env) })),
  )
}

function namesIn(...envs: readonly Env[]): readonly string[] {
  return [...new Set(envs.flatMap((env) => [...env.keys()]))].sort()
}
