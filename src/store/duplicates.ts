import type { VerifiedDelivery } from '../model/delivery.ts'
import { integer, text, type Sql } from './sql.ts'

/**
 * The delivery that `delivery` repeats: the accepted original with the same id, or, where the signature does not cover
 * the id and anybody can make up a new one for old bytes, with the same body. `bodyDiffers`: found by id, other bytes.
 */
export function originalOf(
  sql: Sql,
  { webhook, providerId, idIsSigned }: VerifiedDelivery,
  bodyHash: Buffer,
): { readonly original: number | null; readonly bodyDiffers: boolean } {
  const sameId = sql.first(
    `select id, body_hash = :bodyHash as has_same_body from deliveries
     where webhook = :webhook and provider_id = :providerId and result = 'accepted' and duplicate_of is null`,
    { webhook, providerId, bodyHash },
  )
  if (sameId !== null) return { original: integer(sameId, 'id'), bodyDiffers: sameId['has_same_body'] === 0 }
  if (idIsSigned) return { original: null, bodyDiffers: false }
  const sameBody = sql.first(
    `select id from deliveries
     where webhook = :webhook and body_hash = :bodyHash and result = 'accepted' and duplicate_of is null and id_is_signed = 0`,
    { webhook, bodyHash },
  )
  return { original: sameBody === null ? null : integer(sameBody, 'id'), bodyDiffers: false }
}

/**
 * Whether a redelivery of `original` has nothing to do for `app`: its last deployment from that push is still to come or
 * did its work. One that ended badly is made again, and so is one that the push could not make before (a new app).
 */
export function isDuplicate(sql: Sql, { original, app }: { original: number; app: string }): boolean {
  const last = sql.first(
    `select coalesce(outcome, state) as standing from deployments
     where app = :app and delivery in (select id from deliveries where id = :original or duplicate_of = :original)
     order by id desc limit 1`,
    { original, app },
  )
  return last !== null && !worthRepeating.has(text(last, 'standing'))
}

const worthRepeating: ReadonlySet<string> = new Set(['failed', 'timed_out', 'interrupted', 'cancelled'])
