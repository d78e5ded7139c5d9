import type { Log } from './lib/log.ts'
import { createWakeLoop } from './lib/wake-loop.ts'
import type { DeployMap } from './model/deploy-map.ts'
import type { MirrorFacts } from './model/upkeep.ts'
import type { Revision } from './model/revision.ts'
import type { Mirror, Mirrors, Tended } from './runner/mirrors.ts'
import type { Store } from './store/store.ts'

/** Keeps the mirrors small: now and then, one at a time, and only while nothing is deployed from them. */
export type Upkeep = {
  start(): void
  /** Resolves when no mirror is being tended. */
  settled(): Promise<void>
}

export type UpkeepDeps = {
  readonly store: Pick<Store, 'stateId' | 'queue' | 'deployments'>
  readonly mirrors: Mirrors
  readonly map: () => DeployMap
  /** What is wrong with the disk; empty: nothing is. */
  readonly diskProblems: () => Promise<readonly string[]>
  /** From 0 to 1. */
  readonly random: () => number
  readonly log: Log
  /** Ends it, also what is being done. */
  readonly signal: AbortSignal
  readonly everyMs?: number
  /** From the start, and after a round that a deployment got in the way of, to the next one. */
  readonly soonMs?: number
}

export function createUpkeep(deps: UpkeepDeps): Upkeep {
  const { store, mirrors, map, diskProblems, random, log, signal, everyMs = 6 * 3_600_000, soonMs = 600_000 } = deps
  let timer: NodeJS.Timeout | undefined
  let tended = 0
  signal.addEventListener('abort', () => {
    clearTimeout(timer)
  })
  const rounds = createWakeLoop(tendAll, {
    signal,
    retryMs: soonMs,
    onError: (error) => {
      log.error({ err: error }, 'the mirrors cannot be looked after; trying again')
    },
  })

  return {
    start() {
      nextIn(soonMs)
    },
    settled: () => rounds.settled(),
  }

  async function tendAll(): Promise<void> {
    let isUnfinished = false
    for (const mirror of await mirrors.list(map().apps.values())) {
      if (signal.aborted) return
      if (!(await tend(mirror))) isUnfinished = true
    }
    nextIn(isUnfinished ? soonMs : everyMs)
  }

  function nextIn(waitMs: number): void {
    clearTimeout(timer)
    if (!signal.aborted)
      timer = setTimeout(
        () => {
          rounds.wake()
        },
        waitMs * (1 - jitter * random()),
      ).unref()
  }

  /** False: a deployment got in the way. */
  async function tend(mirror: Mirror): Promise<boolean> {
    if (await isDeployedFrom(mirror)) return false
    tended += 1
    const startedAt = performance.now()
    const result = await mirrors.tend(mirror, {
      signal,
      cookie: `${store.stateId}.upkeep.${tended}`,
      keep: lastRevisions,
      mayFillDisk: (await diskProblems()).length === 0,
    })
    tell(mirror, result, Math.round(performance.now() - startedAt))
    return result.kind !== 'gave_way' && result.kind !== 'busy'
  }

  /** One that runs and whose app has left the map may deploy from any. */
  async function isDeployedFrom({ apps }: Mirror): Promise<boolean> {
    const groups = new Set(apps.map(({ concurrencyGroup }) => concurrencyGroup))
    const running = (await store.queue()).filter(({ state }) => state === 'running')
    return running.some(({ app, concurrencyGroup }) => {
      return !map().apps.has(app) || apps.some(({ name }) => name === app) || groups.has(concurrencyGroup ?? '')
    })
  }

  /** What is live, and what was before it. */
  async function lastRevisions(app: string): Promise<readonly Revision[]> {
    const succeeded = await store.deployments({ app, state: 'succeeded', limit: 20 })
    const revisions = succeeded.map(({ revision }) => revision).filter((revision) => revision !== null)
    return [...new Set(revisions)].slice(0, 2)
  }

  function tell(mirror: Mirror, result: Tended, ms: number): void {
    const fields = { repository: mirror.apps[0]?.repo.identity ?? null, mirror: mirror.directory, ms }
    if (result.kind === 'tended')
      log.info({ ...fields, chores: result.chores, ...sizes(result) }, 'a mirror was looked after')
    if (result.kind === 'removed') log.info(fields, 'a mirror that nobody has used for a week was removed')
    if (result.kind === 'gave_way') log.info(fields, 'looking after a mirror was put off: a deployment wants it')
    if (result.kind === 'busy') log.debug({ ...fields, pid: result.pid }, 'a mirror is in use')
    if (result.kind === 'failed')
      log.warn(
        { ...fields, message: result.message },
        'a mirror cannot be looked after; if it is broken, the next deployment mends it',
      )
  }
}

/** What it was like before and after. */
function sizes({ before, after }: { readonly before: MirrorFacts; readonly after: MirrorFacts }): object {
  const stay = new Set(after.refs)
  return {
    packs: [before.packs.length, after.packs.length],
    looseObjects: [before.looseObjects, after.looseObjects],
    refsRemoved: before.refs.filter((ref) => !stay.has(ref)).length,
  }
}

const jitter = 0.2
