import type { VerifiedDelivery } from '../model/delivery.ts'
import { integer, text, textOrNull, type Sql } from './sql.ts'

/**
 * The delivery that `delivery` repeats: the accepted original with the same id, or, where the signature does not cover
 * the id and anybody can make up a new one for old bytes, with the same body. `bodyDiffers`: found by id, other bytes.
 */
export function originalOf(
  sql: Sql,
  { webhook, providerId, idIsSigned }: VerifiedDelivery,
  bodyHash: Buffer,
): { readonly original: Original | null; readonly bodyDiffers: boolean } {
  const sameId = sql.first(
    `select id, body_hash = :bodyHash as has_same_body from deliveries
     where webhook = :webhook and provider_id = :providerId and result = 'accepted' and duplicate_of is null`,
    { webhook, providerId, bodyHash },
  )
  if (sameId !== null) {
    return { original: { id: integer(sameId, 'id'), by: 'id' }, bodyDiffers: sameId['has_same_body'] === 0 }
  }
  if (idIsSigned) return { original: null, bodyDiffers: false }
  const sameBody = sql.first(
    `select id from deliveries
     where webhook = :webhook and body_hash = :bodyHash and result = 'accepted' and duplicate_of is null and id_is_signed = 0`,
    { webhook, bodyHash },
  )
  return { original: sameBody === null ? null : { id: integer(sameBody, 'id'), by: 'body' }, bodyDiffers: false }
}

/** The delivery that another repeats, and what told: the host's id, or nothing but equal bytes. */
export type Original = { readonly id: number; readonly by: 'id' | 'body' }

/**
 * Whether a redelivery of `original` has nothing to do for `app`: its last deployment from that push, or the one that
 * took its place, is still to come or did its work. One that ended badly is made again, and so is one that the push
 * could not make before (a new app). Equal bytes under another id are a push of their own once another came in between:
 * a branch that is set back and forward again.
 */
export function isDuplicate(sql: Sql, { original, app }: { original: Original; app: string }): boolean {
  const last = sql.first(
    `select id from deployments where app = :app and delivery in (${repeatsOf}) order by id desc limit 1`,
    { original: original.id, app },
  )
  if (last === null) return false
  const deployment = integer(last, 'id')
  if (isWorthRepeating(fateOf(sql, deployment))) return false
  return original.by === 'id' || !isOvertaken(sql, { original: original.id, app, deployment })
}

const repeatsOf = 'select id from deliveries where id = :original or duplicate_of = :original'

/** How it ended or stands, or that of the one which took its place, however often that was taken in turn. */
function fateOf(sql: Sql, deployment: number): Fate {
  const fate = sql.first(
    `with recursive chain (id) as (
       select :deployment
       union select superseded_by from deployments join chain using (id) where superseded_by is not null
     )
     select coalesce(outcome, state) as standing, reason from deployments join chain using (id) where superseded_by is null`,
    { deployment },
  )
  return { standing: text(fate ?? {}, 'standing'), reason: textOrNull(fate ?? {}, 'reason') }
}

type Fate = { readonly standing: string; readonly reason: string | null }

function isWorthRepeating({ standing, reason }: Fate): boolean {
  return repeatableEnds.has(standing) || (standing === 'skipped' && undone.has(reason ?? ''))
}

function isOvertaken(sql: Sql, values: { original: number; app: string; deployment: number }): boolean {
  const later = sql.first(
    `select 1 from deployments where app = :app and id > :deployment and delivery not in (${repeatsOf}) limit 1`,
    values,
  )
  return later !== null
}

const repeatableEnds: ReadonlySet<string> = new Set(['failed', 'timed_out', 'interrupted', 'cancelled'])

/** Why one was skipped by what may have changed since: the branch is there now, deploy.yml wants it again. */
const undone: ReadonlySet<string> = new Set(['branch_gone', 'ref_unwanted', 'app_removed'])
