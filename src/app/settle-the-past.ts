import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { secretsOf, type DeployMap } from '../model/deploy-map.ts'
import type { Deployment } from '../model/deployment.ts'
import type { Runner } from '../runner/runner.ts'
import type { Store } from '../store/store.ts'

export type Past = {
  readonly store: Pick<Store, 'recover' | 'reconcile' | 'openLog'>
  readonly runner: Pick<Runner, 'endLeftovers'>
  readonly map: () => DeployMap
  readonly clock: Clock
  readonly log: Log
}

/** Before anything runs: what an earlier daemon left running is ended, and what it left unsettled is settled. */
export async function settleThePast({ store, runner, map, clock, log }: Past): Promise<void> {
  const leftovers = await runner.endLeftovers()
  if (leftovers > 0) log.warn({ processes: leftovers }, 'ended what an earlier daemon left running')
  const at = clock.now()
  const recovered = await store.recover({
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
