import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { Secret } from '../lib/secret.ts'
import type { App } from '../model/deploy-map.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import { Detached } from '../runner/detached.ts'
import type { Runner } from '../runner/runner.ts'
import type { GoOn } from '../runner/underway.ts'
import type { Claim, LogSink, Store } from '../store/store.ts'
import { createProgress, type ProgressDeps } from './progress.ts'
import { reasonToSkip } from './reason-to-skip.ts'
import { targetOf } from './target.ts'

/** A claimed deployment, and where an earlier daemon left it; null: it begins. */
export type Begun = { readonly claim: Claim; readonly app: App; readonly goOn: GoOn | null }

/** What a deployment was claimed with, and keeps to its end whatever a reload brings; its times are by its own clock. */
export type Run = Claim & {
  readonly app: App
  readonly goOn: GoOn | null
  readonly secrets: readonly Secret[]
  readonly controller: AbortController
  /** The daemon is ending. */
  readonly shutdown: AbortController
  /** What runs in a unit is to be left to it. */
  readonly leave: AbortController
  readonly clock: Clock
}

export type RunDeps = {
  readonly store: Pick<Store, 'openLog' | 'live' | 'quarantined'> & ProgressDeps['store']
  readonly runner: Pick<Runner, 'deploy' | 'rename'>
  readonly log: Log
  readonly retryMs: number
}

/** Of the deployment's own limit, which counts from its claim. */
export function timeLeftOf({ app, deployment, goOn, clock }: Run): number {
  const { startedAt } = deployment
  if (goOn === null || startedAt === null) return app.timeoutMs
  const tookMs = Math.max(0, clock.now().getTime() - startedAt.getTime())
  return Math.max(0, app.timeoutMs - tookMs)
}

/** Runs a deployment, with its log open. Throws nothing but `Detached`. */
export async function deployRun(run: Run, { store, runner, log, retryMs }: RunDeps): Promise<DeploymentResult> {
  const { deployment, owner, app, secrets, goOn, controller, shutdown, leave } = run
  let sink: LogSink | null = null
  try {
    sink = await store.openLog(deployment.id, secrets)
    if (owner.attempt > 1 && goOn === null)
      await sink.note(`attempt ${owner.attempt}: the one before it was interrupted`)
    for (const former of app.was) await runner.rename(former, app.name)
    const [live, quarantine] = await Promise.all([store.live(app.name), store.quarantined(app.name)])
    const result = await runner.deploy(
      {
        app,
        deployment,
        attempt: owner.attempt,
        target: targetOf(deployment, app),
        previousRevision: live.revision,
        previousRelease: live.release,
        skip: (tip, look) => reasonToSkip(tip, { deployment, live, quarantine, app }, look),
        signal: controller.signal,
        shutdown: shutdown.signal,
        leave: leave.signal,
        goOn,
      },
      createProgress(sink, { store, owner, clock: run.clock, signal: controller.signal, log, retryMs }),
    )
    await sink.note(`${result.outcome}${result.message === null ? '' : `: ${result.message}`}`)
    return result
  } catch (error) {
    if (error instanceof Detached) throw error
    log.error({ deployment: deployment.id, app: app.name, err: error }, 'the daemon failed at a deployment')
    return {
      outcome: 'failed',
      reason: 'internal_error',
      message: 'deployhook itself failed at this; its own log says how',
    }
  } finally {
    await sink?.close()
  }
}
