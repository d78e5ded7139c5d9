import { afterFailure, backOffMs, isOfTheHost, isRepeated, unknownHealth } from './catch-up/health.ts'
import { remoteKey, remotesOf, type Remote } from './catch-up/remotes.ts'
import type { Clock } from './lib/clock.ts'
import type { Log } from './lib/log.ts'
import { filterOf, isLeftAlone, isLive, judge, whatCatchUpWants, type Candidate, type Tips } from './model/catch-up.ts'
import type { CatchUpState, Health } from './model/catch-up-state.ts'
import type { App, DeployMap } from './model/deploy-map.ts'
import type { Deployment } from './model/deployment.ts'
import { deploysRef } from './model/ref-filter.ts'
import type { GitFailure, Workspace } from './runner/workspace.ts'
import type { Store } from './store/store.ts'

/** Asks each remote what no delivery told us, and queues what is behind. */
export type CatchUp = {
  /** Asks every remote, now and from now on at its interval. */
  start(): void
  /** Asks every remote now: the map has changed. */
  readonly wake: () => void
  readonly state: (app: App) => CatchUpState
  /** Resolves when nothing is being asked. */
  settled(): Promise<void>
}

export type CatchUpDeps = {
  readonly store: Pick<
    Store,
    'stateId' | 'deployments' | 'live' | 'seenRefs' | 'rememberRefs' | 'gates' | 'quarantined'
  >
  readonly workspace: Pick<Workspace, 'listRefs'>
  /** Queues it; null: the queue has it in hand already. */
  readonly found: (app: App, candidate: Candidate) => Promise<Deployment | null>
  readonly map: () => DeployMap
  readonly clock: Clock
  /** Milliseconds that no setting of the clock touches. */
  readonly monotonic: () => number
  /** From 0 to 1. */
  readonly random: () => number
  readonly log: Log
  /** Ends it, also what is being asked. */
  readonly signal: AbortSignal
  /** Questions at the same time; of one host, so that one that hangs leaves room for the others. */
  readonly atOnce?: number
  readonly perHost?: number
  /** For one answer. */
  readonly timeoutMs?: number
}

type Round = { dueAt: number; isAsking: boolean; isWoken: boolean; health: Health }
type Host = { readonly times: number; readonly failedAt: number; readonly quietUntil: number }

export function createCatchUp(deps: CatchUpDeps): CatchUp {
  const { store, workspace, found, map, clock, monotonic, random, log, signal } = deps
  const { atOnce = 8, perHost = 4, timeoutMs = 60_000 } = deps
  const rounds = new Map<string, Round>()
  const hosts = new Map<string, Host>()
  const underWay = new Map<Remote, Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let isStarted = false
  let questions = 0
  let known: { readonly map: DeployMap; readonly remotes: readonly Remote[] } | null = null
  signal.addEventListener('abort', () => {
    clearTimeout(timer)
  })

  return {
    start() {
      isStarted = true
      askDue()
    },

    wake() {
      hosts.clear()
      for (const round of rounds.values()) Object.assign(round, { dueAt: monotonic(), isWoken: true })
      if (isStarted) askDue()
    },

    state(app) {
      const health = rounds.get(remoteKey(app))?.health ?? unknownHealth
      if (app.catchUpMs === 0) return { ...unknownHealth, everyMs: 0, isFailing: false }
      return { ...health, everyMs: app.catchUpMs, isFailing: isRepeated(health) }
    },

    async settled() {
      await Promise.all(underWay.values())
    },
  }

  /** Asks what is due, as far as there is room, and comes back when the next one is. */
  function askDue(): void {
    clearTimeout(timer)
    while (!signal.aborted && underWay.size < atOnce) {
      const remote = nextRemote()
      if (remote === null) return
      const waitMs = dueAt(remote) - monotonic()
      if (waitMs > 0) {
        timer = setTimeout(askDue, Math.ceil(waitMs)).unref()
        return
      }
      const asking = ask(remote).finally(() => {
        underWay.delete(remote)
        askDue()
      })
      underWay.set(remote, asking)
    }
  }

  /** Of those that may be asked, the one that is due first. Runs after each answer: one look at each, no more. */
  function nextRemote(): Remote | null {
    let next: Remote | null = null
    for (const remote of remotesNow()) {
      if (mayBeAsked(remote) && (next === null || dueAt(remote) < dueAt(next))) next = remote
    }
    return next
  }

  function mayBeAsked({ key, host }: Remote): boolean {
    return !roundOf(key).isAsking && [...underWay.keys()].filter((other) => other.host === host).length < perHost
  }

  /** Of the map as it is now, worked out once for each map. */
  function remotesNow(): readonly Remote[] {
    const current = map()
    if (known?.map !== current) {
      known = { map: current, remotes: remotesOf(current.apps.values()) }
      const keys = new Set(known.remotes.map(({ key }) => key))
      for (const key of rounds.keys()) if (!keys.has(key)) rounds.delete(key)
    }
    return known.remotes
  }

  function roundOf(key: string): Round {
    const begun = rounds.get(key)
    if (begun !== undefined) return begun
    const round = { dueAt: monotonic(), isAsking: false, isWoken: false, health: unknownHealth }
    rounds.set(key, round)
    return round
  }

  function dueAt({ key, host }: Remote): number {
    return Math.max(roundOf(key).dueAt, hosts.get(host)?.quietUntil ?? 0)
  }

  async function ask(remote: Remote): Promise<void> {
    const round = roundOf(remote.key)
    Object.assign(round, { isAsking: true, isWoken: false })
    let waitMs = remote.everyMs
    try {
      waitMs = await askNow(remote, round)
    } catch (error) {
      log.error({ apps: namesOf(remote), err: error }, 'catch-up failed; it tries again')
    }
    // Earlier rather than later than the interval says, so that it is a promise.
    round.dueAt = monotonic() + (round.isWoken ? 0 : waitMs * (1 - jitter * random()))
    round.isAsking = false
  }

  /** Answers how long to wait until the next time. */
  async function askNow(remote: Remote, round: Round): Promise<number> {
    const [asker] = remote.apps
    const startedAt = monotonic()
    const before = await Promise.all(remote.apps.map(newestOf))
    questions += 1
    const listed = await workspace.listRefs(asker, {
      signal,
      cookie: `${store.stateId}.catch-up.${questions}`,
      wants: (ref) => remote.apps.some((app) => deploysRef(app, ref)),
      timeoutMs,
    })
    if (listed.kind === 'stopped') return remote.everyMs
    if (listed.kind === 'failed') return failed(remote, round, { failure: listed, startedAt })

    if (round.health.failing !== null) log.info({ apps: namesOf(remote) }, 'catch-up: the remote answers again')
    round.health = { answeredAt: clock.now(), failing: null }
    hosts.delete(remote.host)
    let waitMs = remote.everyMs
    for (const [index, app] of remote.apps.entries()) {
      if (signal.aborted || map().apps.get(app.name) !== app) continue
      // Something came in while the remote was asked: the answer may be older than that.
      if ((await newestOf(app))?.id !== before[index]?.id) waitMs = Math.min(waitMs, soonMs)
      else await catchUpWith(app, listed.tips)
    }
    return waitMs
  }

  function failed(
    remote: Remote,
    round: Round,
    { failure, startedAt }: { readonly failure: GitFailure; readonly startedAt: number },
  ): number {
    round.health = afterFailure(round.health, failure, clock.now())
    const times = round.health.failing?.times ?? 1
    const fields = { apps: namesOf(remote), times, reason: failure.reason, message: failure.message }
    if (times <= 2) log.warn(fields, 'catch-up: the remote did not answer')
    else log.debug(fields, 'catch-up: the remote did not answer')
    if (isOfTheHost(failure.reason)) quieten(remote, startedAt)
    return backOffMs(times, remote.everyMs)
  }

  /** The other repositories of a host that cannot be reached wait too; questions asked side by side count once. */
  function quieten({ host, everyMs }: Remote, startedAt: number): void {
    const before = hosts.get(host)
    if (before !== undefined && startedAt < before.failedAt) return
    const times = (before?.times ?? 0) + 1
    const now = monotonic()
    hosts.set(host, { times, failedAt: now, quietUntil: now + backOffMs(times, Math.min(everyMs, hostBackOffMs)) })
  }

  async function catchUpWith(app: App, tips: Tips): Promise<void> {
    if (isLeftAlone(app.name, { gates: await store.gates(), at: clock.now() })) return
    const quarantine = await store.quarantined(app.name)
    const own = new Map([...tips].filter(([ref]) => deploysRef(app, ref)))
    const filter = filterOf(app)
    const [newest, seen] = await Promise.all([newestOf(app), store.seenRefs(app.name, filter)])
    let last = newest?.id ?? 0
    for (const candidate of whatCatchUpWants(app, { tips: own, seen, newest })) {
      // Looked for first, because the past of an app may be long.
      if (isLive(candidate, { app, live: await store.live(app.name) })) continue
      // In this order: one that ends in between is then known to be live.
      const past = await store.deployments({ app: app.name, revision: candidate.tip, limit: 10 })
      const judgement = judge(candidate, { app, live: await store.live(app.name), past, quarantine })
      if (judgement === 'in_hand') return
      if (judgement !== 'behind') continue
      const deployment = await found(app, candidate)
      if (deployment === null) return
      last = deployment.id
      break
    }
    if (app.branch === null) await store.rememberRefs(app.name, { filter, tips: own, newest: last })
  }

  async function newestOf({ name }: App): Promise<Deployment | null> {
    const [newest] = await store.deployments({ app: name, limit: 1 })
    return newest ?? null
  }
}

function namesOf({ apps }: Remote): readonly string[] {
  return apps.map(({ name }) => name)
}

const jitter = 0.2
const soonMs = 1_000

/** The first back-off of a host, where the interval is longer. */
const hostBackOffMs = 30_000
