import { recallVerified } from '../model/delivery.ts'
import { bodyOf, unpackBody } from './bodies.ts'
import { toDeliveries } from './rows.ts'
import { integer, text, type Sql } from './sql.ts'
import type { Recalled } from './store.ts'

/** Gives back a delivery that was proven when it came; of a replay, the one that came. */
export async function recall(sql: Sql, id: number, at: Date): Promise<Recalled | null> {
  const row = sql.first(
    'select * from deliveries where id = (select coalesce(replay_of, id) from deliveries where id = :id)',
    { id },
  )
  const [record] = row === null ? [] : toDeliveries(sql, [row])
  if (row === null || record === undefined) return null
  const packed = bodyOf(sql, record.id)
  if (packed === null) return { record, delivery: null }

  const { webhook, remoteAddress, providerId, secret } = record
  const headers = JSON.parse(text(row, 'headers')) as Record<string, string>
  const idIsSigned = integer(row, 'id_is_signed') === 1
  const came = { webhook, remoteAddress, headers, body: await unpackBody(packed), receivedAt: at }
  return { record, delivery: recallVerified(came, { providerId, idIsSigned, secret }) }
}
