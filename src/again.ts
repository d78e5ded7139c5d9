import type { Clock } from './lib/clock.ts'
import type { Log } from './lib/log.ts'
import { createPace } from './lib/pace.ts'
import { pause } from './lib/pause.ts'
import { createWakeLoop } from './lib/wake-loop.ts'
import { pastForAgain, toDeployAgain } from './model/again.ts'
import { refToDeploy } from './model/ref-filter.ts'
import type { App, DeployMap } from './model/deploy-map.ts'
import type { Deployment } from './model/deployment.ts'
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
  readonly store: Pick<Store, 'deployments' | 'enqueueFound' | 'changes'>
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
  /** Apps whose newest deployment may have failed for want of room. */
  const candidates = new Set<string>()
  const looks = createWakeLoop(look, {
    signal,
    retryMs: everyMs,
    onError: (error) => {
      log.error({ err: error }, 'what failed for want of room cannot be queued again; trying again')
    },
  })

  return {
    start() {
      void follow()
      const timer = setInterval(() => {
        looks.wake()
      }, everyMs).unref()
      signal.addEventListener('abort', () => {
        clearInterval(timer)
      })
    },
    settled: () => looks.settled(),
  }

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      try {
        const changes = store.changes(signal)
        for (const name of map().apps.keys()) candidates.add(name)
        for await (const { app, reason } of changes) if (reason === 'disk_full') candidates.add(app)
        return
      } catch (error) {
        log.error({ err: error }, 'cannot follow what fails for want of room; trying again')
        await pause(everyMs, signal)
      }
    }
  }

  async function look(): Promise<void> {
    const pace = createPace()
    for (const name of [...candidates]) {
      if (signal.aborted) return
      candidates.delete(name) // before the look: what fails meanwhile puts it back
      try {
        const app = map().apps.get(name)
        if (app !== undefined && (await lookAt(app))) candidates.add(name)
        await pace() // at first it is every app, and the store answers without a pause
      } catch (error) {
        candidates.add(name)
        throw error
      }
    }
  }

  /** Answers whether it is to be looked at again. */
  async function lookAt(app: App): Promise<boolean> {
    const last = toDeployAgain(await store.deployments({ app: app.name, limit: pastForAgain }), clock.now())
    if (last === null) return false
    if (last === 'later' || !(await hasRoom(app))) return true
    await queueAnew(app, last)
    return false
  }

  async function queueAnew(app: App, last: Deployment): Promise<void> {
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
