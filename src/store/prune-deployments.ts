import { batchRows } from './bodies.ts'
import { forgetUnlessNamed } from './forget-delivery.ts'
import { rollbackTargetOf } from './rollback-target.ts'
import { integer, integerOrNull, text, type Sql } from './sql.ts'

/** How much of the history is kept. */
export type HistoryBounds = { readonly historyBefore: Date; readonly maxHistory: number }

/** Forgets one batch of what is beyond the bounds, oldest first; answers how many. */
export function pruneDeployments(sql: Sql, { historyBefore, maxHistory }: HistoryBounds): number {
  const newestToGo = sql.first('select id from deployments order by id desc limit 1 offset :maxHistory', { maxHistory })
  const beyond = newestToGo === null ? 0 : integer(newestToGo, 'id')
  const candidates = sql.all(
    `select id, delivery, finished_at < :before as is_old from deployments as own
     where not ${isNeeded} and not exists (select 1 from deployments where superseded_by = own.id)
       and id not in (select value from json_each(:targets))
     order by id limit :batch`,
    { before: historyBefore.toISOString(), targets: JSON.stringify(rollbackTargets(sql)), batch: batchRows },
  )
  const gone = candidates.filter((row) => row['is_old'] === 1 || integer(row, 'id') <= beyond)
  for (const row of gone) {
    const id = integer(row, 'id')
    sql.run('delete from steps where deployment = :id', { id })
    sql.run('delete from deployments where id = :id', { id })
    const delivery = integerOrNull(row, 'delivery')
    if (delivery !== null) forgetUnlessNamed(sql, delivery)
  }
  return gone.length
}

/** What each app would go back to. */
function rollbackTargets(sql: Sql): readonly number[] {
  const apps = sql.all('select distinct app from deployments')
  return apps.flatMap((row) => rollbackTargetOf(sql, text(row, 'app'), {})?.deployment ?? [])
}

/** Whether the log of that deployment may go; one that is not known (any more) has no use for it. */
export function isLogNeeded(sql: Sql, id: number): boolean {
  return sql.first(`select 1 from deployments as own where id = :id and ${isNeeded}`, { id }) !== null
}

/**
 * What runs or waits; what is live of an app, what was before it, what it is held at; and its newest of all, by which the queue and
 * catch-up judge what comes next, and its newest that was started, which says what the tree holds.
 */
const isNeeded = `(
  own.state <> 'done'
  or (own.outcome = 'succeeded' and own.id in (
    select id from deployments where app = own.app and outcome = 'succeeded' order by id desc limit 2))
  or own.id = (select max(id) from deployments where app = own.app)
  or exists (select 1 from holds where deployment = own.id)
  or own.id = (select max(id) from deployments where app = own.app and attempts > 0)
)`
