import { steadyClock, type Clock } from './lib/clock.ts'
import { errorCode } from './lib/error-code.ts'
import type { FailPoint } from './lib/fail-point.ts'
import type { Log } from './lib/log.ts'
import { maskText } from './lib/masker.ts'
import { pause } from './lib/pause.ts'
import { createWakeLoop } from './lib/wake-loop.ts'
import { secretsOf, type App, type DeployMap } from './model/deploy-map.ts'
import { Detached } from './runner/detached.ts'
import type { Runner, Stop } from './runner/runner.ts'
import type { Cancelled, ClaimTarget, Store } from './store/store.ts'
import { createAlarm } from './worker/alarm.ts'
import { deployRun, timeLeftOf, type Begun, type Run } from './worker/run.ts'
import { settle } from './worker/settle.ts'

/** Runs queued deployments: claims in order, one per concurrency group, and owns cancelling. */
export type Worker = {
  /** Goes on with what an earlier daemon began, starts claiming, and claims again whenever the queue changes. */
  start(goingOn?: readonly Begun[]): void
  /** Looks at the queue again: the map has changed. */
  readonly wake: () => void
  /** Resolves when the queue has been looked at, after this was called; at once while nothing is claimed. */
  look(): Promise<void>
  /** It has looked several times in a row and each time found no way to claim, for a reason that will not pass by itself. */
  readonly isStuck: () => boolean
  /** As it was when its running deployment was claimed; undefined: none of that name is running. */
  readonly runningApp: (name: string) => App | undefined
  /** queued: ended at once; running: told to stop, ends within the kill grace. */
  cancel(id: number): Promise<Cancelled>
  /**
   * Stops claiming, and leaves what runs in a unit to it; resolves when nothing else runs any more. What still runs
   * after `graceMs` is interrupted and re-queued.
   */
  drain(graceMs: number): Promise<void>
  /** Interrupts what runs, now. */
  readonly interrupt: () => void
  readonly draining: () => boolean
}

export type WorkerDeps = {
  readonly store: Pick<
    Store,
    | 'claim'
    | 'setRevision'
    | 'setRelease'
    | 'startStep'
    | 'finishStep'
    | 'finish'
    | 'requeue'
    | 'cancel'
    | 'live'
    | 'quarantined'
    | 'queue'
    | 'gates'
    | 'openLog'
    | 'changes'
  >
  readonly runner: Pick<Runner, 'deploy' | 'rename' | 'forget'>
  readonly map: () => DeployMap
  /** Where a path of the map really lies, so that two spellings of one place exclude each other. */
  readonly realPath: (path: string) => string
  readonly clock: Clock
  readonly log: Log
  readonly failPoint: FailPoint
  /** Between tries to write down an outcome that the store would not take. */
  readonly retryMs: number
  /** At most this long until what waits for a time is looked at again. */
  readonly alarmMs?: number
}

export function createWorker(deps: WorkerDeps): Worker {
  const { store, runner, map, clock, log, failPoint } = deps
  const running = new Map<
    number,
    Pick<Run, 'app' | 'controller' | 'shutdown' | 'leave'> & { readonly ended: Promise<void> }
  >()
  /** Before the start, of what an earlier daemon has left running: it was read as not cancelled yet. */
  const cancelledEarly = new Set<number>()
  const stopped = new AbortController()
  let isStarted = false
  let failedLooks = 0
  const claims = createWakeLoop(claimAll, {
    signal: stopped.signal,
    retryMs: deps.retryMs,
    onError: (error) => {
      if (errorCode(error) !== 'unavailable') failedLooks += 1
      log.error({ err: error }, 'cannot claim from the queue; trying again')
    },
  })

  const { alarmMs: longestMs = 60_000 } = deps
  const alarm = createAlarm({ store, map, clock, wake, signal: stopped.signal, longestMs })

  return {
    start(goingOn = []) {
      isStarted = true
      for (const begun of goingOn) begin(begun, { current: map(), at: clock.now() })
      void followQueue()
      claims.wake()
    },

    wake,

    async look() {
      if (isStarted && !stopped.signal.aborted) await claims.passed()
    },

    isStuck: () => failedLooks >= 3,

    runningApp: (name) => [...running.values()].find(({ app }) => app.name === name)?.app,

    async cancel(id) {
      const answer = await store.cancel(id, clock.now())
      if (answer === 'cancelling') {
        // Once the claims are settled, even one that was made this very moment is known here.
        void claims.settled().then(() => {
          const run = running.get(id)
          if (run === undefined && !isStarted) cancelledEarly.add(id)
          run?.controller.abort('cancelled' satisfies Stop)
        })
      }
      return answer
    },

    async drain(graceMs) {
      stopped.abort()
      const grace = setTimeout(interrupt, graceMs)
      await claims.settled()
      for (const { leave } of running.values()) leave.abort()
      await Promise.all([...running.values()].map(({ ended }) => ended))
      clearTimeout(grace)
    },

    interrupt,
    draining: () => stopped.signal.aborted,
  }

  function wake(): void {
    if (isStarted) claims.wake()
  }

  function interrupt(): void {
    for (const run of running.values())
      for (const end of [run.controller, run.shutdown]) end.abort('interrupted' satisfies Stop)
  }

  async function followQueue(): Promise<void> {
    try {
      for await (const { state } of store.changes(stopped.signal)) if (state !== 'running') claims.wake()
    } catch (error) {
      log.error({ err: error }, 'cannot follow the queue; trying again')
      await pause(deps.retryMs, stopped.signal)
      claims.wake() // for what was missed
      void followQueue()
    }
  }

  async function claimAll(): Promise<void> {
    while (!stopped.signal.aborted && (await claimOne()));
    failedLooks = 0
    await alarm.set()
  }

  async function claimOne(): Promise<boolean> {
    const current = map()
    const at = clock.now()
    const claim = await store.claim({
      resolve: (name) => claimTarget(current.apps.get(name)),
      maxRunning: current.server.maxRunning,
      at,
    })
    const app = claim && current.apps.get(claim.deployment.app)
    if (!claim || !app) return false
    begin({ claim, app, goOn: null }, { current, at })
    return true
  }

  function begin(
    { claim, app, goOn }: Begun,
    { current, at }: { readonly current: DeployMap; readonly at: Date },
  ): void {
    const [controller, shutdown, leave] = [new AbortController(), new AbortController(), new AbortController()]
    const run = {
      ...claim,
      app,
      goOn,
      secrets: secretsOf(current),
      controller,
      shutdown,
      leave,
      clock: steadyClock(at),
    }
    if (claim.isCancelled || cancelledEarly.delete(claim.deployment.id)) controller.abort('cancelled' satisfies Stop)
    const ended = execute(run).finally(() => running.delete(claim.deployment.id))
    running.set(claim.deployment.id, { app, controller, shutdown, leave, ended })
  }

  function claimTarget(app: App | undefined): ClaimTarget | null {
    if (app === undefined) return null
    return {
      ...app,
      // Only what would start otherwise has its path looked up.
      get realPath() {
        return deps.realPath(app.path)
      },
    }
  }

  /** One deployment from its claim to its report. Never rejects: what is broken is logged, and the row is settled. */
  async function execute(run: Run): Promise<void> {
    const { deployment, app, controller } = run
    const fields = { deployment: deployment.id, app: app.name, attempt: run.owner.attempt }
    const what = run.goOn === null ? 'deployment started' : 'deployment found again: it goes on'
    log.info({ ...fields, trigger: deployment.trigger, ref: deployment.ref }, what)
    const deadline = setTimeout(() => {
      controller.abort('timed_out' satisfies Stop)
    }, timeLeftOf(run))
    failPoint('claimed')
    try {
      const result = await deployRun(run, deps)
      failPoint('before-recording')
      const masked = result.message === null ? null : maskText(run.secrets, result.message)
      const settled = await settle(
        { owner: run.owner, app, result: { ...result, message: masked } },
        { ...deps, clock: run.clock, signal: stopped.signal },
      )
      const { outcome, reason, message, revision } = settled
      log.info({ ...fields, state: settled.state, outcome, reason, revision, message }, 'deployment ended')
      await runner.forget(deployment.id)
    } catch (error) {
      if (error instanceof Detached) log.info(fields, 'deployment left to its unit; the next daemon goes on with it')
      else log.error({ ...fields, err: error }, 'deployment could not be settled; the next start settles it')
    } finally {
      clearTimeout(deadline)
    }
  }
}
