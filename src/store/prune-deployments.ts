import { batchRows } from './bodies.ts'
import { forgetUnlessNamed } from './forget-delivery.ts'
import { rollbackTargetOf } from './rollback-target.ts'
import { integer, integerOrNull, text, type Row, type Sql } from './sql.ts'

/** How much of the history is kept. */
export type HistoryBounds = { readonly historyBefore: Date; readonly maxHistory: number }

/** Forgets one batch of what is beyond the bounds, oldest first; answers how many. */
export function pruneDeployments(sql: Sql, bounds: HistoryBounds): number {
  const newest = newestToGo(sql, bounds)
  for (let after = 0; ;) {
    const candidates = sql.all(
      `select id, app, delivery from deployments as own
       where id > :after and id <= :newest
         and not ${isNeeded} and not exists (select 1 from deployments where superseded_by = own.id)
       order by id limit :batch`,
      { after, newest, batch: batchRows },
    )
    const gone = candidates.filter((row) => !isRollbackTarget(sql, row))
    for (const row of gone) forget(sql, row)
    const last = candidates.at(-1)
    if (gone.length > 0 || last === undefined) return gone.length
    after = integer(last, 'id')
  }
}

/**
 * Up to which id deployments are too old, or too many: without a look at all there are. Ids are given in order and without
 * gaps, and what was forgotten is older than what is left.
 */
function newestToGo(sql: Sql, { historyBefore, maxHistory }: HistoryBounds): number {
  const newest = integer(sql.first('select coalesce(max(id), 0) as id from deployments') ?? {}, 'id')
  const young = sql.first('select id from deployments where finished_at >= :before order by id limit 1', {
    before: historyBefore.toISOString(),
  })
  return Math.max(newest - maxHistory, young === null ? newest : integer(young, 'id') - 1)
}

/** What its app would go back to. */
function isRollbackTarget(sql: Sql, row: Row): boolean {
  return rollbackTargetOf(sql, text(row, 'app'), {})?.deployment === integer(row, 'id')
}

function forget(sql: Sql, row: Row): void {
  const id = integer(row, 'id')
  sql.run('delete from steps where deployment = :id', { id })
  sql.run('delete from deployments where id = :id', { id })
  const delivery = integerOrNull(row, 'delivery')
  if (delivery !== null) forgetUnlessNamed(sql, delivery)
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
