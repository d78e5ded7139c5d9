import { batchRows, pruneBodies, type BodyBounds } from './bodies.ts'
import { forgetDelivery } from './forget-delivery.ts'
import { pruneDeployments, type HistoryBounds } from './prune-deployments.ts'
import { integer, type Sql } from './sql.ts'

/** How much of the ledger is kept. */
export type LedgerBounds = BodyBounds &
  HistoryBounds & {
    /** Of deliveries that made no deployment. */
    readonly deliveriesBefore: Date
    readonly maxDeliveries: number
  }

/** One batch of what is beyond the bounds, oldest first. Answers how much it was: 0 says that all is within them. */
export function prune(sql: Sql, bounds: LedgerBounds): number {
  return pruneBodies(sql, bounds) + pruneDeployments(sql, bounds) + pruneDeliveries(sql, bounds)
}

/** Rows that a deployment, a duplicate or a replay names stay with those. */
function pruneDeliveries(sql: Sql, { deliveriesBefore, maxDeliveries }: LedgerBounds): number {
  const newestToGo = sql.first(
    `select id from deliveries where result <> 'accepted' order by id desc limit 1 offset :maxDeliveries`,
    { maxDeliveries },
  )
  const beyond = newestToGo === null ? 0 : integer(newestToGo, 'id')
  const candidates = sql.all(
    `select id, received_at < :before as is_old from deliveries as own
     where result <> 'accepted'
       and not exists (select 1 from deliveries where duplicate_of = own.id)
       and not exists (select 1 from deliveries where replay_of = own.id)
       and not exists (select 1 from deployments where delivery = own.id)
     order by id limit :batch`,
    { before: deliveriesBefore.toISOString(), batch: batchRows },
  )
  const gone = candidates.filter((row) => row['is_old'] === 1 || integer(row, 'id') <= beyond)
  for (const row of gone) forgetDelivery(sql, integer(row, 'id'))
  return gone.length
}
