import type { Clock } from './lib/clock.ts'
import type { Log } from './lib/log.ts'
import { pause } from './lib/pause.ts'
import { succeeds } from './lib/succeeds.ts'
import type { DeployMap } from './model/deploy-map.ts'
import type { Store } from './store/store.ts'

/** What a reload came to. A refused one leaves the last good map in place. */
export type Reloaded =
  | { readonly kind: 'reloaded'; readonly warnings: readonly string[] }
  /** Each problem as `deploy.yml:LINE:COL path: what is wrong, and the cure` with the source line and a caret. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

/** The state of the deploy map, for `status` and `/readyz`. */
export type ConfigState = {
  readonly file: string
  readonly loadedAt: Date
  /** What keeps the newest file from being loaded; empty: the file and the map are the same. */
  readonly problems: readonly string[]
}

/** deploy.yml as one reading of the file found it; texts are ready to be shown. */
export type Reading =
  | { readonly kind: 'loaded'; readonly map: DeployMap; readonly warnings: readonly string[] }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

export type LiveMap = {
  readonly map: () => DeployMap
  readonly state: () => ConfigState
  /** Reads the file and swaps the map if all of it is right; the queue follows, at once if it can. One at a time. */
  readonly reload: () => Promise<Reloaded>
}

export type LiveMapDeps = {
  readonly read: () => Promise<Reading>
  readonly store: Pick<Store, 'reconcile'>
  readonly clock: Clock
  readonly log: Log
  /** The new map is in place, and the queue follows it. */
  readonly onSwap: () => void
  /** Between tries to let the queue follow the map, until the signal. */
  readonly retryMs: number
  readonly signal: AbortSignal
}

/** Keeps the deploy map that is in force, from the first good reading on. */
export function createLiveMap(first: Extract<Reading, { kind: 'loaded' }>, deps: LiveMapDeps): LiveMap {
  const { read, store, clock, log, onSwap } = deps
  let current = first
  let state: ConfigState = { file: first.map.file, loadedAt: clock.now(), problems: [] }
  let turn: Promise<unknown> = Promise.resolve()
  let following: Promise<void> | null = null

  return {
    map: () => current.map,
    state: () => state,
    reload() {
      const mine = turn.then(reloadNow)
      turn = mine.catch(() => undefined)
      return mine
    },
  }

  async function reloadNow(): Promise<Reloaded> {
    const reading = await read()
    if (reading.kind === 'refused') return refuse(reading.problems)

    const warnings = [...reading.warnings, ...needsRestart(first.map, reading.map)]
    current = reading
    state = { ...state, loadedAt: clock.now(), problems: [] }
    warnings.push(...(await letQueueFollow()))
    log.info({ file: state.file, apps: current.map.apps.size, warnings }, 'deploy map loaded')
    return { kind: 'reloaded', warnings }
  }

  /** Says what keeps it from following now. It is tried until it does: a queue that did not would hold pushes back for ever. */
  async function letQueueFollow(): Promise<readonly string[]> {
    try {
      await reconcile()
      return []
    } catch (error) {
      log.error({ err: error }, 'the queue cannot follow the new deploy map yet')
      following ??= followLater().finally(() => (following = null))
      const why = error instanceof Error ? error.message : String(error)
      return [`the queue does not follow the new deploy map yet, and will as soon as it can: ${why}`]
    }
  }

  async function followLater(): Promise<void> {
    for (;;) {
      await pause(deps.retryMs, deps.signal)
      if (deps.signal.aborted || (await succeeds(reconcile()))) return
    }
  }

  async function reconcile(): Promise<void> {
    const removed = await store.reconcile({ apps: current.map.apps, at: clock.now() })
    if (removed.length > 0)
      log.info(
        { removed: removed.map(({ id }) => id) },
        'queued deployments of apps that deploy.yml no longer has are skipped',
      )
    onSwap()
  }

  function refuse(problems: readonly string[]): Reloaded {
    state = { ...state, problems }
    log.error({ file: state.file, problems }, 'deploy map refused; the last good one stays in force')
    return { kind: 'refused', problems }
  }
}

/** What only a restart can put into force, told by each reload until then. */
function needsRestart(atStart: DeployMap, after: DeployMap): readonly string[] {
  if (JSON.stringify(atStart.server.listen) === JSON.stringify(after.server.listen)) return []
  return ['server.listen has changed: it takes effect at the next restart']
}
