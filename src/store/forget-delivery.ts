import { integerOrNull, type Sql } from './sql.ts'

/** Forgets a delivery that nothing names any more, and then those that only it had named. */
export function forgetDelivery(sql: Sql, id: number): void {
  const row = sql.first('select duplicate_of, replay_of from deliveries where id = :id', { id }) ?? {}
  sql.run('delete from bodies where delivery = :id', { id })
  sql.run('delete from deliveries where id = :id', { id })
  for (const name of ['duplicate_of', 'replay_of']) {
    const named = row[name] === undefined ? null : integerOrNull(row, name)
    if (named !== null) forgetUnlessNamed(sql, named)
  }
}

/** One that made deployments is known for as long as they are, or as anything that names it. */
export function forgetUnlessNamed(sql: Sql, id: number): void {
  const own = sql.first(
    `select 1 from deliveries as own
     where id = :id and result = 'accepted'
       and not exists (select 1 from deployments where delivery = own.id)
       and not exists (select 1 from deliveries where duplicate_of = own.id)
       and not exists (select 1 from deliveries where replay_of = own.id)`,
    { id },
  )
  if (own !== null) forgetDelivery(sql, id)
}
