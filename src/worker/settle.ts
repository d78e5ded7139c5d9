import type { Clock } from '../lib/clock.ts'
import { errorCode } from '../lib/error-code.ts'
import type { Log } from '../lib/log.ts'
import { pause } from '../lib/pause.ts'
import type { App } from '../model/deploy-map.ts'
import type { Deployment, DeploymentResult } from '../model/deployment.ts'
import type { Owner, Store } from '../store/store.ts'

export type SettleDeps = {
  readonly store: Pick<Store, 'requeue' | 'finish'>
  /** Of the deployment. */
  readonly clock: Clock
  /** The worker is ending. */
  readonly signal: AbortSignal
  readonly log: Pick<Log, 'error'>
  readonly retryMs: number
}

/** Writes the outcome down, however long the store refuses: a row must not stay `running` while the daemon lives. */
export async function settle(
  { owner, app, result }: { readonly owner: Owner; readonly app: App; readonly result: DeploymentResult },
  { store, clock, signal, log, retryMs }: SettleDeps,
): Promise<Deployment> {
  for (;;) {
    try {
      if (result.outcome === 'interrupted' && app.onInterrupt === 'requeue')
        return await store.requeue(owner, clock.now())
      return await store.finish(owner, result, clock.now())
    } catch (error) {
      if (signal.aborted || errorCode(error) !== 'unavailable') throw error
      log.error({ deployment: owner.id, err: error }, 'the store cannot record an outcome; trying again')
      await pause(retryMs, signal)
    }
  }
}
