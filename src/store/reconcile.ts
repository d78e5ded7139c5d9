import type { Deployment } from '../model/deployment.ts'
import { deploymentOf } from './deployments.ts'
import { endQueued } from './queue.ts'
import { reconcileGates } from './reconcile-gates.ts'
import { reconcileSeenRefs } from './seen-refs.ts'
import { integer, text, type Sql } from './sql.ts'
import type { Store } from './store.ts'
import type { Touch } from './writer.ts'

/** Makes queue and history agree with a new map: renamed apps take theirs along, the queue of removed ones ends. */
export function reconcile(
  sql: Sql,
  { apps, at }: Parameters<Store['reconcile']>[0],
  touch: Touch,
): readonly Deployment[] {
  for (const [name, { was }] of apps) {
    for (const old of was) if (!apps.has(old)) rename(sql, { old, name, at }, touch)
  }
  reconcileSeenRefs(sql, { apps })
  reconcileGates(sql, { apps })
  const queued = sql.all(`select id, app from deployments where state = 'queued' order by place`)
  const gone = queued.filter((row) => !apps.has(text(row, 'app'))).map((row) => integer(row, 'id'))
  const end = {
    outcome: 'skipped',
    reason: 'app_removed',
    message: 'deploy.yml does not have this app any more',
    supersededBy: null,
    at,
  }
  for (const id of gone) endQueued(sql, { id, ...end }, touch)
  return gone.map((id) => deploymentOf(sql, id))
}

function rename(sql: Sql, { old, name, at }: { old: string; name: string; at: Date }, touch: Touch): void {
  mergeQueued(sql, { old, name, at }, touch)
  for (const row of sql.all(`select id from deployments where app = :old and state <> 'done'`, { old }))
    touch(integer(row, 'id'))
  // A deployment still running under the old name while one of the new name runs keeps its name until the next time.
  sql.run(
    `update deployments set app = :name where app = :old
       and not (state = 'running' and exists (select 1 from deployments where app = :name and state = 'running'))`,
    { old, name },
  )
}

/** Where both names have one of a kind queued (a push came before the rename), the newer stays, at the better place. */
function mergeQueued(sql: Sql, { old, name, at }: { old: string; name: string; at: Date }, touch: Touch): void {
  const pairs = sql.all(
    `select max(id) as winner, min(id) as loser, min(place) as place from deployments
     where app in (:old, :name) and state = 'queued' group by kind having count(*) > 1`,
    { old, name },
  )
  for (const row of pairs) {
    const [winner, loser] = [integer(row, 'winner'), integer(row, 'loser')]
    const end = { outcome: 'superseded', reason: null, message: 'a newer one took its place', supersededBy: winner, at }
    endQueued(sql, { id: loser, ...end }, touch)
    sql.run('update deployments set place = :place where id = :winner', { place: integer(row, 'place'), winner })
  }
}
