import { kindOf, type Deployment, type Trigger } from '../model/deployment.ts'
import { gateOf, type Gated } from '../model/gate.ts'
import { excludes, supersede, type Holding, type Waiting } from '../model/queue.ts'
import { capped } from './capped.ts'
import { deploymentOf } from './deployments.ts'
import { gatesOf } from './gates.ts'
import { bringHold, takeBackHold } from './holds.ts'
import { toDeployment } from './rows.ts'
import { dateOrNull, integer, text, type Row, type Sql } from './sql.ts'
import type { Approved, Cancelled, Claim, Enqueue, Store } from './store.ts'
import type { Touch, Writer } from './writer.ts'

/** The queue: what comes in, what is started next, what is taken out. */
export function createQueue(sql: Sql, writer: Writer): Pick<Store, 'enqueue' | 'claim' | 'cancel' | 'approve'> {
  return {
    enqueue: (request) => writer.write((touch) => insertDeployment(sql, { ...request, delivery: null }, touch)),
    claim: (request) => writer.write((touch) => claim(sql, request, touch)),
    cancel: (id, at) => writer.write((touch) => cancel(sql, { id, at }, touch)),
    approve: (id, how) => writer.write((touch) => approve(sql, { id, ...how }, touch)),
  }
}

/** Queues a deployment; the queued ones that it supersedes make way for it in the same transaction. */
export function insertDeployment(
  sql: Sql,
  request: Enqueue & { readonly delivery: number | null },
  touch: Touch,
): Deployment {
  const { app, trigger, ref, requestedRevision, adopt, delivery, at } = request
  const { exact = trigger === 'rollback', forced = false, release = null, askedBy = null, note = null } = request
  const { superseded, place } = supersede(trigger, waitingOf(sql, app))
  const id = nextId(sql)
  const end = { outcome: 'superseded', reason: null, message: 'a newer one took its place', supersededBy: id, at }
  for (const { id: older } of superseded) endQueued(sql, { id: older, ...end }, touch)
  const row = {
    id,
    app,
    trigger,
    kind: kindOf(trigger),
    ref,
    requested_revision: requestedRevision,
    adopt: adopt ? 1 : 0,
    exact: exact ? 1 : 0,
    forced: forced ? 1 : 0,
    release,
    asked_by: capped(askedBy),
    note: capped(note, 1000),
    delivery,
    place: place ?? id,
    queued_at: at.toISOString(),
  }
  sql.run(
    `insert into deployments (id, app, trigger, kind, ref, requested_revision, adopt, exact, forced, release, asked_by, note,
       delivery, place, state, queued_at)
     values (:id, :app, :trigger, :kind, :ref, :requested_revision, :adopt, :exact, :forced, :release, :asked_by, :note,
       :delivery, :place, 'queued', :queued_at)`,
    row,
  )
  bringHold(sql, id, request)
  touch(id)
  return toDeployment({ ...asQueued, ...row }, [])
}

/** What is not said of a new deployment is as the schema has it. */
const asQueued: Row = {
  ...{ state: 'queued', attempts: 0, revision: null, outcome: null, reason: null, message: null, superseded_by: null },
  ...{ started_at: null, finished_at: null, approved_at: null, approved_by: null },
}

/** What `autoincrement` would give: ids are never used again. */
function nextId(sql: Sql): number {
  const row = sql.first(`select seq + 1 as id from sqlite_sequence where name = 'deployments'`)
  return row === null ? 1 : integer(row, 'id')
}

/**
 * The queued deployments of an app, as the rules of `model/queue.ts` see them. By their own index: left to itself SQLite
 * looks through all that the app ever had.
 */
export function waitingOf(sql: Sql, app: string): readonly Waiting[] {
  const rows = sql.all(
    `select id, trigger, place from deployments indexed by one_queued_per_kind
     where app = :app and state = 'queued' order by place`,
    { app },
  )
  return rows.map((row) => ({
    id: integer(row, 'id'),
    trigger: text(row, 'trigger') as Trigger,
    place: integer(row, 'place'),
  }))
}

/** queued → done; false when it is not queued (any more). */
export function endQueued(
  sql: Sql,
  end: { id: number; outcome: string; reason: string | null; message: string; supersededBy: number | null; at: Date },
  touch: Touch,
): boolean {
  const changed = sql.run(
    `update deployments set state = 'done', outcome = :outcome, reason = :reason, message = :message,
       superseded_by = :supersededBy, finished_at = :at
     where id = :id and state = 'queued'`,
    { ...end, at: end.at.toISOString() },
  )
  if (changed === 0) return false
  takeBackHold(sql, end.id, touch)
  touch(end.id)
  return true
}

function cancel(sql: Sql, { id, at }: { id: number; at: Date }, touch: Touch): Cancelled {
  const message = 'cancelled before it was started'
  if (endQueued(sql, { id, outcome: 'cancelled', reason: null, message, supersededBy: null, at }, touch))
    return 'cancelled'
  const isRunning = `update deployments set cancel_requested = 1 where id = :id and state = 'running'`
  if (sql.run(isRunning, { id }) > 0) return 'cancelling'
  return sql.first('select 1 from deployments where id = :id', { id }) === null ? 'not_found' : 'done'
}

function approve(
  sql: Sql,
  { id, by, at }: { readonly id: number; readonly by: string | null; readonly at: Date },
  touch: Touch,
): Approved {
  const row = sql.first('select kind, state from deployments where id = :id', { id })
  if (row === null) return 'not_found'
  if (row['state'] !== 'queued') return 'not_queued'
  if (row['kind'] === 'person') return 'not_needed'
  const changed = sql.run(
    `update deployments set approved_at = :at, approved_by = :by, exact = requested_revision is not null
     where id = :id and approved_at is null`,
    { id, by: capped(by), at: at.toISOString() },
  )
  if (changed > 0) touch(id)
  return 'approved'
}

function claim(sql: Sql, { resolve, maxRunning, at }: Parameters<Store['claim']>[0], touch: Touch): Claim | null {
  const running = sql
    .all(`select app, concurrency_group, real_path from deployments where state = 'running'`)
    .map(holdingOf)
  if (running.length >= maxRunning) return null
  const gates = gatesOf(sql)
  for (const row of sql.all(queuedInOrder)) {
    const deployment = gatedOf(row)
    const { app } = deployment
    const target = resolve(app)
    if (target === null || gateOf(deployment, { rules: target, gates, at }) !== null) continue
    const { concurrencyGroup, realPath, fingerprint } = target
    if (running.some((other) => excludes(other, { app, concurrencyGroup, realPath }))) continue
    const id = integer(row, 'id')
    const started = sql.first(
      `update deployments set state = 'running', attempts = attempts + 1, started_at = :at, message = null,
         concurrency_group = :concurrencyGroup, real_path = :realPath, fingerprint = :fingerprint
       where id = :id returning attempts, cancel_requested`,
      { id, concurrencyGroup, realPath, fingerprint, at: at.toISOString() },
    )
    touch(id)
    return {
      deployment: deploymentOf(sql, id),
      isCancelled: integer(started ?? {}, 'cancel_requested') === 1,
      owner: { id, attempt: integer(started ?? {}, 'attempts') },
    }
  }
  return null
}

const queuedInOrder = `select id, app, trigger, forced, approved_at from deployments where state = 'queued' order by place`

function gatedOf(row: Row): Gated {
  return {
    app: text(row, 'app'),
    trigger: text(row, 'trigger') as Trigger,
    forced: integer(row, 'forced') === 1,
    approvedAt: dateOrNull(row, 'approved_at'),
  }
}

function holdingOf(row: Row): Holding {
  return {
    app: text(row, 'app'),
    concurrencyGroup: text(row, 'concurrency_group'),
    realPath: text(row, 'real_path'),
  }
}
