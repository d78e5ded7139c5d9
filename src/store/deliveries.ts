import type { DeliveryRecord, VerifiedDelivery } from '../model/delivery.ts'
import { insertBody, prepareBody, type Prepared } from './bodies.ts'
import { capped } from './capped.ts'
import { isDuplicate, originalOf } from './duplicates.ts'
import { endHoldByPush } from './holds.ts'
import { listDeliveries } from './list-deliveries.ts'
import { insertDeployment } from './queue.ts'
import { toDeliveries, toDelivery, type ReachedApp } from './rows.ts'
import type { SecretUses } from './secret-uses.ts'
import { integer, type Row, type Sql } from './sql.ts'
import type { Accepted, Arrival, DeliveryFilter, Keeping, Store, Verdict } from './store.ts'
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

function prepare({ body }: VerifiedDelivery, { keepsBody, proofsInBody, secret }: Keeping): Promise<Prepared> {
  return prepareBody(body, { keepsBody, proofsInBody, secret: secret?.reveal() ?? null })
}

function accept(sql: Sql, arrival: Arrival & Prepared, touch: Touch): Accepted {
  const { delivery, wanted, bodyHash, replayOf } = arrival
  const { original, bodyDiffers } = originalOf(sql, delivery, bodyHash)
  const fresh = wanted.filter(
    ({ app }) => replayOf !== null || original === null || !isDuplicate(sql, { original, app }),
  )
  const result = fresh.length > 0 ? 'accepted' : wanted.length > 0 ? 'duplicate' : 'ignored'
  const row = insertDelivery(sql, delivery, {
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
  if (replayOf === null) for (const want of fresh) endHoldByPush(sql, want, touch)
  const from = { trigger, adopt: false, delivery: integer(row, 'id'), at: delivery.receivedAt } as const
  const deployments = fresh.map((want) => insertDeployment(sql, { ...want, ...from }, touch))
  const made = deployments.map(({ id, app }) => ({ id, app }))
  return { delivery: toDelivery(row, made), result, deployments, bodyDiffers }
}

function keep(
  sql: Sql,
  { delivery, verdict, bytes }: { delivery: VerifiedDelivery; verdict: Verdict; bytes: Prepared },
): DeliveryRecord {
  return toDelivery(
    insertDelivery(sql, delivery, { ...verdict, ...bytes, push: null, duplicateOf: null, apps: [] }),
    [],
  )
}

type NewDelivery = Prepared &
  Keeping &
  Pick<Arrival, 'push'> & {
    readonly event: string | null
    readonly result: DeliveryRecord['result']
    readonly reason: string | null
    readonly duplicateOf: number | null
    readonly apps: readonly ReachedApp[]
  }

/** Answers its row: what is written, for reading it again would cost as much as writing it. */
function insertDelivery(sql: Sql, delivery: VerifiedDelivery, made: NewDelivery): Row {
  const { push } = made
  const row = {
    webhook: delivery.webhook,
    provider: made.provider,
    provider_id: delivery.providerId,
    id_is_signed: delivery.idIsSigned ? 1 : 0,
    secret: delivery.secret,
    event: capped(made.event),
    received_at: delivery.receivedAt.toISOString(),
    remote_address: delivery.remoteAddress,
    headers: JSON.stringify(cappedHeaders(made.headers)),
    result: made.result,
    reason: capped(made.reason),
    duplicate_of: made.duplicateOf,
    replay_of: made.replayOf,
    repository: capped(push?.repository),
    ref: capped(push?.ref, 1024),
    after: push?.after ?? null,
    pusher: capped(push?.pusher),
    apps: JSON.stringify(made.apps),
  }
  const id = sql.insert(
    `insert into deliveries (webhook, provider, provider_id, id_is_signed, body_hash, secret, event, received_at,
       remote_address, headers, result, reason, duplicate_of, replay_of, repository, ref, after, pusher, apps)
     values (:webhook, :provider, :provider_id, :id_is_signed, :body_hash, :secret, :event, :received_at,
       :remote_address, :headers, :result, :reason, :duplicate_of, :replay_of, :repository, :ref, :after, :pusher, :apps)`,
    { ...row, body_hash: made.bodyHash },
  )
  if (made.packed !== null) insertBody(sql, id, made.packed)
  return { id, ...row }
}

function cappedHeaders(headers: Keeping['headers']): Record<string, string | null> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, capped(value)]))
}

function byId(sql: Sql, id: number): DeliveryRecord | null {
  return toDeliveries(sql, sql.all('select * from deliveries where id = :id', { id }))[0] ?? null
}
