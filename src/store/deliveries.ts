import { hash } from 'node:crypto'
import type { DeliveryRecord, VerifiedDelivery } from '../model/delivery.ts'
import { capped } from './capped.ts'
import { isDuplicate, originalOf } from './duplicates.ts'
import { insertDeployment } from './queue.ts'
import { toDeliveries, toDeployments, type ReachedApp } from './rows.ts'
import { integer, type Row, type Sql } from './sql.ts'
import type { Accepted, Arrival, Page, Store, Verdict } from './store.ts'
import type { Touch, Writer } from './writer.ts'

/** Deliveries: kept with what they made, in one transaction, and listed. */
export function createDeliveries(
  sql: Sql,
  writer: Writer,
): Pick<Store, 'accept' | 'keep'> & {
  delivery(id: number): DeliveryRecord | null
  deliveries(filter: DeliveryFilter): readonly DeliveryRecord[]
} {
  return {
    accept(arrival) {
      const bodyHash = sha256(arrival.delivery.body)
      return writer.write((touch) => accept(sql, { ...arrival, bodyHash }, touch))
    },
    keep(delivery, verdict) {
      const bodyHash = sha256(delivery.body)
      return writer.write(() => keep(sql, { delivery, verdict, bodyHash }))
    },
    delivery: (id) => byId(sql, id),
    deliveries: (filter) => list(sql, filter),
  }
}

export type DeliveryFilter = Page & { readonly webhook?: string; readonly app?: string; readonly providerId?: string }

function accept(sql: Sql, arrival: Arrival & { readonly bodyHash: Buffer }, touch: Touch): Accepted {
  const { delivery, wanted, bodyHash } = arrival
  const { original, bodyDiffers } = originalOf(sql, delivery, bodyHash)
  const fresh = wanted.filter(({ app }) => original === null || !isDuplicate(sql, { original, app }))
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
  const { trigger } = arrival
  const queuedAt = delivery.receivedAt
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
  { delivery, verdict, bodyHash }: { delivery: VerifiedDelivery; verdict: Verdict; bodyHash: Buffer },
): DeliveryRecord {
  const id = insertDelivery(sql, delivery, { ...verdict, bodyHash, push: null, duplicateOf: null, apps: [] })
  return kept(sql, id)
}

type NewDelivery = Pick<Arrival, 'provider' | 'push'> & {
  readonly bodyHash: Buffer
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
       remote_address, headers, result, reason, duplicate_of, repository, ref, after, pusher, apps)
     values (:webhook, :provider, :providerId, :idIsSigned, :bodyHash, :secret, :event, :receivedAt,
       :remoteAddress, :headers, :result, :reason, :duplicateOf, :repository, :ref, :after, :pusher, :apps)
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
      headers: JSON.stringify(headersToKeep(delivery)),
      result: made.result,
      reason: capped(made.reason),
      duplicateOf: made.duplicateOf,
      repository: capped(push?.repository),
      ref: capped(push?.ref, 1024),
      after: push?.after ?? null,
      pusher: capped(push?.pusher),
      apps: JSON.stringify(made.apps),
    },
  )
  if (row === null) throw new Error('an insert answered no id')
  return integer(row, 'id')
}

/** The only headers that are kept: GitHub once sent a webhook's secret in one that nobody expected. */
const keptHeaders: ReadonlySet<string> = new Set([
  ...['content-type', 'user-agent', 'webhook-id', 'idempotency-key'],
  ...['x-github-event', 'x-github-delivery', 'x-gitlab-event', 'x-gitlab-event-uuid', 'x-gitlab-webhook-uuid'],
  ...['x-gitea-event', 'x-gitea-delivery', 'x-forgejo-event', 'x-forgejo-delivery', 'x-gogs-event', 'x-gogs-delivery'],
  ...['x-event-key', 'x-request-uuid', 'x-request-id', 'x-hook-uuid', 'x-gitee-event'],
])

function headersToKeep({ headers }: VerifiedDelivery): Record<string, string | null> {
  const kept = Object.entries(headers).filter(([name, value]) => keptHeaders.has(name) && value !== undefined)
  return Object.fromEntries(
    kept.map(([name, value]) => [name, capped(Array.isArray(value) ? value.join(', ') : String(value))]),
  )
}

function sha256(body: Buffer): Buffer {
  return hash('sha256', body, 'buffer')
}

function kept(sql: Sql, id: number): DeliveryRecord {
  const record = byId(sql, id)
  if (record === null) throw new Error(`delivery ${id} is gone`)
  return record
}

function byId(sql: Sql, id: number): DeliveryRecord | null {
  return toDeliveries(sql, sql.all('select * from deliveries where id = :id', { id }))[0] ?? null
}

function list(sql: Sql, { limit, before, webhook, app, providerId }: DeliveryFilter): readonly DeliveryRecord[] {
  const conditions = [
    before === undefined ? null : 'id < :before',
    webhook === undefined ? null : 'webhook = :webhook',
    providerId === undefined ? null : 'provider_id = :providerId',
    app === undefined ? null : reachedApp,
  ].filter((condition) => condition !== null)
  const values = Object.entries({ limit, before, webhook, app, providerId })
  return toDeliveries(
    sql,
    sql.all(
      `select * from deliveries ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''} order by id desc limit :limit`,
      Object.fromEntries(values.filter((entry): entry is [string, string | number] => entry[1] !== undefined)),
    ),
  )
}

/** By the names it had then, and by its deployments, which follow an app that is renamed. */
const reachedApp = `(
  exists (select 1 from json_each(deliveries.apps) where value ->> 'app' = :app)
  or exists (select 1 from deployments where delivery = deliveries.id and deployments.app = :app)
)`
