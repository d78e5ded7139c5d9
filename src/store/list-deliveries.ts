import type { DeliveryRecord } from '../model/delivery.ts'
import { toDeliveries } from './rows.ts'
import { integer, type Row, type Sql, type Values } from './sql.ts'
import type { DeliveryFilter } from './store.ts'

/** Newest first, by an index whatever is asked for. */
export function listDeliveries(sql: Sql, filter: DeliveryFilter): readonly DeliveryRecord[] {
  const { webhook, providerId, before } = filter
  const conditions = [
    before === undefined ? null : 'id < :before',
    webhook === undefined ? null : 'webhook = :webhook',
    providerId === undefined ? null : 'provider_id = :providerId',
  ].filter((condition) => condition !== null)
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''
  if (filter.app !== undefined) return toDeliveries(sql, ofApp(sql, filter, conditions))
  const page = `select * from deliveries ${where} order by id desc limit :limit`
  return toDeliveries(sql, sql.all(page, valuesOf(filter)))
}

/** By the names it had then, and by its deployments, which follow an app that is renamed. */
function ofApp(sql: Sql, filter: DeliveryFilter, conditions: readonly string[]): readonly Row[] {
  const fits = conditions.map((condition) => `and ${condition}`).join(' ')
  const reached = (table: string) =>
    `select delivery from ${table} where app = :app and delivery is not null
       and delivery < coalesce(:newest, 1e15) and exists (select 1 from deliveries where id = delivery ${fits})`
  // Both come in order: SQLite merges them, and looks at no more than the page holds.
  const found = sql.all(`${reached('deployments')} union ${reached('passed_by')} order by delivery desc limit :limit`, {
    ...valuesOf(filter),
    newest: filter.before ?? null,
  })
  return sql.all('select * from deliveries where id in (select value from json_each(:ids)) order by id desc', {
    ids: JSON.stringify(found.map((row) => integer(row, 'delivery'))),
  })
}

function valuesOf({ limit, before, webhook, app, providerId }: DeliveryFilter): Values {
  const values = Object.entries({ limit, before, webhook, app, providerId })
  return Object.fromEntries(values.filter((entry): entry is [string, string | number] => entry[1] !== undefined))
}
