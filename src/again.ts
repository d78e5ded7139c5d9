import type { Clock } from './lib/clock.ts'
import type { Log } from './lib/log.ts'
import { createWakeLoop } from './lib/wake-loop.ts'
import { pastForAgain, toDeployAgain } from './model/again.ts'
import { refToDeploy } from './model/ref-filter.ts'
import type { App, DeployMap } from './model/deploy-map.ts'
import type { DiskFloor } from './runner/disk-floor.ts'
import type { Store } from './store/store.ts'

/** Queues anew what failed for want of room, once there is room on the disks that it needs. */
export type Again = {
  /** Looks every few seconds from now on. */
  start(): void
  /** Resolves when it is not looking. */
  settled(): Promise<void>
}

export type AgainDeps = {
  readonly store: Pick<Store, 'deployments' | 'enqueueFound'>
  readonly floor: Pick<DiskFloor, 'problems' | 'full'>
  readonly stateDirectory: string
  readonly map: () => DeployMap
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly everyMs: number
}

export function createAgain(deps: AgainDeps): Again {
  const { store, floor, stateDirectory, map, clock, log, signal, everyMs } = deps
  const looks = createWakeLoop(look, {
    signal,
    retryMs: everyMs,
    onError: (error) => {
      log.error({ err: error }, 'what failed for want of room cannot be queued again; trying again')
    },
  })

  return {
    start() {
      const timer = setInterval(() => {
        looks.wake()
      }, everyMs).unref()
      signal.addEventListener('abort', () => {
        clearInterval(timer)
      })
    },
    settled: () => looks.settled(),
  }

  async function look(): Promise<void> {
    for (const app of map().apps.values()) {
      if (signal.aborted) return
      await lookAt(app)
    }
  }

  async function lookAt(app: App): Promise<void> {
    const past = await store.deployments({ app: app.name, limit: 1 })
    if (past[0]?.reason !== 'disk_full') return
    const last = toDeployAgain(await store.deployments({ app: app.name, limit: pastForAgain }), clock.now())
    if (last === null || !(await hasRoom(app))) return
    const ref = refToDeploy(app, last.ref)
    if (ref === null) return // deploy.yml wants something else by now
    const requestedRevision = ref === last.ref ? last.requestedRevision : null
    const wanted = { app: app.name, trigger: 'catch-up', ref, requestedRevision, adopt: last.adopt } as const
    const queued = await store.enqueueFound({ ...wanted, at: clock.now() })
    if (queued !== null)
      log.info(
        { app: app.name, failed: last.id, deployment: queued.id },
        'there is room on the disk again: queued anew',
      )
  }

  async function hasRoom({ path }: App): Promise<boolean> {
    const paths = [stateDirectory, path]
    return (await floor.problems(paths)).length === 0 && (await floor.full(paths)) === null
  }
}
