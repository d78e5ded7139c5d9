import type { Hold } from '../model/gate.ts'
import { parseRevision } from '../model/revision.ts'
import { date, integer, integerOrNull, text, textOrNull, type Row, type Sql } from './sql.ts'
import type { Enqueue } from './store.ts'
import type { Touch } from './writer.ts'

/** The hold that counts: the newest. */
export function holdOf(sql: Sql, app: string): Hold | null {
  const row = sql.first('select * from holds where app = :app order by id desc limit 1', { app })
  return row === null ? null : toHold(row)
}

export function allHolds(sql: Sql): readonly Hold[] {
  return sql.all('select * from holds where id in (select max(id) from holds group by app) order by app').map(toHold)
}

/** A hold that a deployment brings is in force from when it is queued: nothing newer is to come in between. */
export function bringHold(sql: Sql, deployment: number, request: Enqueue): void {
  const {
    app,
    hold,
    release = null,
    requestedRevision: revision,
    askedBy: by = null,
    note: reason = null,
    at,
  } = request
  if (hold == null) return
  insertHold(sql, { app, release, revision, deployment, by, reason, at, until: hold }, { byHand: false })
}

export function insertHold(sql: Sql, { at, ...hold }: Hold, { byHand }: { readonly byHand: boolean }): void {
  sql.run(
    `insert into holds (app, release, revision, deployment, by_hand, by, reason, at, until)
     values (:app, :release, :revision, :deployment, :byHand, :by, :reason, :at, :until)`,
    { ...hold, byHand: byHand ? 1 : 0, at: at.toISOString() },
  )
}

/** The deployment did not succeed: what held the app before holds it again. */
export function takeBackHold(sql: Sql, deployment: number, touch: Touch): void {
  const row = sql.first('delete from holds where deployment = :deployment and by_hand = 0 returning app', {
    deployment,
  })
  if (row !== null) touchQueued(sql, text(row, 'app'), touch)
}

/**
 * The deployment succeeded: its hold, if nobody has ended it meanwhile, takes the place of those before. What somebody wanted held until
 * they say otherwise stays so, below it.
 */
export function replaceHolds(sql: Sql, deployment: number): void {
  sql.run(
    `delete from holds where not (by_hand = 1 and until = 'unhold') and exists (
       select 1 from holds as own where own.deployment = :deployment and own.by_hand = 0
         and own.app = holds.app and own.id > holds.id)`,
    { deployment },
  )
}

/** Ends what holds the app; one that was put on after `until` stays. */
export function endHolds(
  sql: Sql,
  { app, until }: { readonly app: string; readonly until?: Date },
  touch: Touch,
): void {
  const ended = sql.run('delete from holds where app = :app and (:until is null or at <= :until)', {
    app,
    until: until?.toISOString() ?? null,
  })
  if (ended > 0) touchQueued(sql, app, touch)
}

/** A push ends a hold that was to last until then, unless it is of what was rolled back. */
export function endHoldByPush(
  sql: Sql,
  { app, requestedRevision: revision }: Pick<Enqueue, 'app' | 'requestedRevision'>,
  touch: Touch,
): void {
  if (holdOf(sql, app)?.until !== 'next_push') return
  const isForbidden = sql.first('select 1 from quarantine where app = :app and revision = :revision', { app, revision })
  if (isForbidden !== null) return
  sql.run(`delete from holds where app = :app and until = 'next_push'`, { app })
  touchQueued(sql, app, touch)
}

/** What waits may start now, or has something else to wait for: the worker and whoever looks on are told. `*`: any app. */
export function touchQueued(sql: Sql, scope: string, touch: Touch): void {
  const queued = sql.all(`select id from deployments where state = 'queued' and :scope in (app, '*')`, { scope })
  for (const row of queued) touch(integer(row, 'id'))
}

function toHold(row: Row): Hold {
  return {
    app: text(row, 'app'),
    release: textOrNull(row, 'release'),
    revision: parseRevision(row['revision']),
    deployment: integerOrNull(row, 'deployment'),
    by: textOrNull(row, 'by'),
    reason: textOrNull(row, 'reason'),
    at: date(row, 'at'),
    until: text(row, 'until') as Hold['until'],
  }
}
