import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { secretsOf, type DeployMap } from '../model/deploy-map.ts'
import type { Deployment } from '../model/deployment.ts'
import type { Runner } from '../runner/runner.ts'
import type { Store } from '../store/store.ts'
import { goOnWith } from '../worker/go-on.ts'
import type { Begun } from '../worker/run.ts'

export type Past = {
  readonly store: Pick<Store, 'running' | 'recover' | 'reconcile' | 'openLog'>
  readonly runner: Pick<Runner, 'underway' | 'endLeftovers'>
  readonly map: () => DeployMap
  readonly clock: Clock
  readonly log: Log
}

/**
 * Before anything runs: what an earlier daemon left running is ended, and what it left unsettled is settled, but for the
 * deployments that have gone on in their units meanwhile: those are what it answers.
 */
export async function settleThePast({ store, runner, map, clock, log }: Past): Promise<readonly Begun[]> {
  const goingOn = await whatGoesOn({ store, runner, map })
  const leftovers = await runner.endLeftovers(goingOn.map(({ goOn }) => goOn))
  if (leftovers > 0) log.warn({ processes: leftovers }, 'ended what an earlier daemon left running')
  const at = clock.now()
  const recovered = await store.recover({
    except: new Set(goingOn.map(({ claim }) => claim.owner.id)),
    onInterrupt: (app) => map().apps.get(app)?.onInterrupt ?? 'gone',
    maxAttempts: map().server.maxAttempts,
    at,
  })
  for (const deployment of recovered) {
    const { id, app, state, outcome, reason } = deployment
    await closeLog(deployment, { store, map })
    log.warn(
      { deployment: id, app, state, outcome, reason },
      'recovered a deployment that an earlier daemon left running',
    )
  }
  await store.reconcile({ apps: map().apps, at })
  return goingOn
}

async function whatGoesOn({ store, runner, map }: Pick<Past, 'store' | 'runner' | 'map'>) {
  const all = await runner.underway()
  const claims = all.length === 0 ? [] : await store.running()
  return claims.flatMap((claim) => {
    const app = map().apps.get(claim.deployment.app)
    const left = all.find(({ deployment }) => deployment === claim.owner.id)
    const goOn = app === undefined || left === undefined ? null : goOnWith(claim, { left, app })
    return app === undefined || goOn === null ? [] : [{ claim, app, goOn }]
  })
}

/** The log of one that is over ends as every other does: with how it ended. */
async function closeLog(
  { id, state, outcome, message }: Deployment,
  { store, map }: Pick<Past, 'store' | 'map'>,
): Promise<void> {
  if (state !== 'done') return
  const sink = await store.openLog(id, secretsOf(map()))
  await sink.note(`${outcome ?? state}${message === null ? '' : `: ${message}`}`)
  await sink.close()
}
