import { hash } from 'node:crypto'
import type { DeliveryRecord, VerifiedDelivery } from '../model/delivery.ts'
import { insertBody, packBody, type Packed } from './bodies.ts'
import { capped } from './capped.ts'
import { isDuplicate, originalOf } from './duplicates.ts'
import { endHoldByPush } from './holds.ts'
import { listDeliveries, type DeliveryFilter } from './list-deliveries.ts'
import { insertDeployment } from './queue.ts'
import { toDeliveries, toDeployments, type ReachedApp } from './rows.ts'
import type { SecretUses } from './secret-uses.ts'
import { integer, type Row, type Sql } from './sql.ts'
import type { Accepted, Arrival, Keeping, Store, Verdict } from './store.ts'
import type { Touch, Writer } from './writer.ts'

/** Deliveries: kept with what they made, in one transaction, and listed. */
export function createDeliveries(
  sql: Sql,
  { writer, secretUses }: { writer: Writer; secretUses: SecretUses },
): Pick<Store, 'accept' | 'keep'> & {
  delivery(id: number): DeliveryRecord | null
  deliveries(filter: DeliveryFilter): readonly DeliveryRecord[]
} {
  return {
    async accept(arrival) {
      const bytes = await prepare(arrival.delivery, arrival)
      return writer.write((touch) => {
        recordUse(arrival.delivery, arrival)
        return accept(sql, { ...arrival, ...bytes }, touch)
      })
    },
    async keep(delivery, verdict) {
      const bytes = await prepare(delivery, verdict)
      return writer.write(() => {
        recordUse(delivery, verdict)
        return keep(sql, { delivery, verdict, bytes })
      })
    },
    delivery: (id) => byId(sql, id),
    deliveries: (filter) => listDeliveries(sql, filter),
  }

  function recordUse({ webhook, receivedAt: at }: VerifiedDelivery, { secret }: Keeping): void {
    if (secret !== null) secretUses.record({ webhook, secret, at })
  }
}

/** What is made of a body before its transaction begins. */
type Bytes = { readonly bodyHash: Buffer; readonly packed: Packed | null }

async function prepare({ body }: VerifiedDelivery, keeping: Keeping): Promise<Bytes> {
  return { bodyHash: hash('sha256', body, 'buffer'), packed: keeping.keepsBody ? await packBody(body, keeping) : null }
}

function accept(sql: Sql, arrival: Arrival & Bytes, touch: Touch): Accepted {
  const { delivery, wanted, bodyHash, replayOf } = arrival
  const { original, bodyDiffers } = originalOf(sql, delivery, bodyHash)
  const fresh = wanted.filter(
    ({ app }) => replayOf !== null || original === null || !isDuplicate(sql, { original, app }),
  )
  const result = fresh.length > 0 ? 'accepted' : wanted.length > 0 ? 'duplicate' : 'ignored'
  const id = insertDelivery(sql, delivery, {
    ...arrival,
    result,
    reason: result === 'accepted' ? null : result === 'duplicate' ? 'duplicate' : (arrival.reason ?? 'no_app'),
    duplicateOf: result === 'ignored' || original === null ? null : original.id,
    apps: [
      ...wanted.map(({ app }) => ({
        app,
        reason: fresh.some((one) => one.app === app) ? null : ('duplicate' as const),
      })),
      ...arrival.ignored,
    ],
  })
  const trigger = replayOf === null ? 'push' : 'replay'
  const queuedAt = delivery.receivedAt
  if (replayOf === null) for (const want of fresh) endHoldByPush(sql, want, touch)
  const made = fresh.map((want) =>
    insertDeployment(sql, { ...want, trigger, adopt: false, delivery: id, at: queuedAt }, touch),
  )
  return {
    delivery: kept(sql, id),
    result,
    deployments: toDeployments(
      sql,
      made.map((deployment) => rowOf(sql, deployment)),
    ),
    bodyDiffers,
  }
}

function rowOf(sql: Sql, deployment: number): Row {
  return sql.first('select * from deployments where id = :deployment', { deployment }) ?? {}
}

function keep(
  sql: Sql,
  { delivery, verdict, bytes }: { delivery: VerifiedDelivery; verdict: Verdict; bytes: Bytes },
): DeliveryRecord {
  const id = insertDelivery(sql, delivery, { ...verdict, ...bytes, push: null, duplicateOf: null, apps: [] })
  return kept(sql, id)
}

type NewDelivery = Bytes &
  Keeping &
  Pick<Arrival, 'push'> & {
    readonly event: string | null
    readonly result: DeliveryRecord['result']
    readonly reason: string | null
    readonly duplicateOf: number | null
    readonly apps: readonly ReachedApp[]
  }

function insertDelivery(sql: Sql, delivery: VerifiedDelivery, made: NewDelivery): number {
  const { push } = made
  const row = sql.first(
    `insert into deliveries (webhook, provider, provider_id, id_is_signed, body_hash, secret, event, received_at,
       remote_address, headers, result, reason, duplicate_of, replay_of, repository, ref, after, pusher, apps)
     values (:webhook, :provider, :providerId, :idIsSigned, :bodyHash, :secret, :event, :receivedAt,
       :remoteAddress, :headers, :result, :reason, :duplicateOf, :replayOf, :repository, :ref, :after, :pusher, :apps)
     returning id`,
    {
      webhook: delivery.webhook,
      provider: made.provider,
      providerId: delivery.providerId,
      idIsSigned: delivery.idIsSigned ? 1 : 0,
      bodyHash: made.bodyHash,
      secret: delivery.secret,
      event: capped(made.event),
      receivedAt: delivery.receivedAt.toISOString(),
      remoteAddress: delivery.remoteAddress,
      headers: JSON.stringify(cappedHeaders(made.headers)),
      result: made.result,
      reason: capped(made.reason),
      duplicateOf: made.duplicateOf,
      replayOf: made.replayOf,
      repository: capped(push?.repository),
      ref: capped(push?.ref, 1024),
      after: push?.after ?? null,
      pusher: capped(push?.pusher),
      apps: JSON.stringify(made.apps),
    },
  )
  if (row === null) throw new Error('an insert answered no id')
  const id = integer(row, 'id')
  if (made.packed !== null) insertBody(sql, id, made.packed)
  return id
}

function cappedHeaders(headers: Keeping['headers']): Record<string, string | null> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, capped(value)]))
}

function kept(sql: Sql, id: number): DeliveryRecord {
  const record = byId(sql, id)
  if (record === null) throw new Error(`delivery ${id} is gone`)
  return record
}

function byId(sql: Sql, id: number): DeliveryRecord | null {
  return toDeliveries(sql, sql.all('select * from deliveries where id = :id', { id }))[0] ?? null
}
