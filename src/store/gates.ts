import { parseRevision, type Revision } from '../model/revision.ts'
import type { Freeze, Gates, Hold, Quarantined } from '../model/gate.ts'
import { liveOf } from './deployments.ts'
import { allHolds, endHolds, holdOf, insertHold, touchQueued } from './holds.ts'
import { rollbackTargetOf, type OnDisk, type RollbackTarget } from './rollback-target.ts'
import { date, dateOrNull, integer, text, textOrNull, type Row, type Sql } from './sql.ts'
import type { Writer } from './writer.ts'

export type { OnDisk, RollbackTarget } from './rollback-target.ts'

/** What keeps deployments back, and what is kept out. */
export type GateStore = {
  /** Holds an app at what is live, in place of what held it before. */
  hold(app: string, how: Pick<Hold, 'by' | 'reason' | 'at'> & { readonly until?: Hold['until'] }): Promise<Hold>
  /** Answers the hold that it ended; null: there was none. */
  unhold(app: string): Promise<Hold | null>
  /** `scope`: the name of an app, or `everyApp`. In place of a freeze that was there before. */
  freeze(scope: string, how: Pick<Freeze, 'by' | 'reason' | 'at' | 'until'>): Promise<Freeze>
  /** Answers the freeze of exactly this scope that it ended; null: there was none. */
  unfreeze(scope: string): Promise<Freeze | null>
  /** All that is held, at most one hold of each app, and all freezes, also those whose time is over. */
  gates(): Promise<Gates>
  /** The revisions of an app that are not deployed again by themselves, newest first. */
  quarantined(app: string): Promise<readonly Quarantined[]>
  /** What a rollback goes back to, unless somebody names it; null: there is nothing. */
  rollbackTarget(app: string, onDisk?: OnDisk): Promise<RollbackTarget | null>
}

type Writing = Pick<GateStore, 'hold' | 'unhold' | 'freeze' | 'unfreeze'>
type Reading = Pick<GateStore, 'gates' | 'quarantined' | 'rollbackTarget'>

export function createGates(
  sql: Sql,
  { writer, read }: { readonly writer: Writer; readonly read: <T>(work: () => T) => Promise<T> },
): GateStore {
  return { ...writing(sql, writer), ...reading(sql, read) }
}

function writing(sql: Sql, writer: Writer): Writing {
  return {
    hold: (app, how) =>
      writer.write((touch) => {
        const { revision, release, deployment } = liveOf(sql, app)
        const { until = 'unhold', by, reason, at } = how
        const hold = { app, revision, release, deployment, until, by, reason, at }
        sql.run('delete from holds where app = :app', { app })
        insertHold(sql, hold, { byHand: true })
        touchQueued(sql, app, touch)
        return hold
      }),
    unhold: (app) =>
      writer.write((touch) => {
        const ended = holdOf(sql, app)
        if (ended !== null) endHolds(sql, { app }, touch)
        return ended
      }),
    freeze: (scope, { until, by, reason, at }) =>
      writer.write((touch) => {
        sql.run(
          `insert into freezes (scope, until, by, reason, at) values (:scope, :until, :by, :reason, :at)
           on conflict do update set until = excluded.until, by = excluded.by, reason = excluded.reason, at = excluded.at`,
          { scope, until: until?.toISOString() ?? null, by, reason, at: at.toISOString() },
        )
        touchQueued(sql, scope, touch)
        return { scope, until, by, reason, at }
      }),
    unfreeze: (scope) =>
      writer.write((touch) => {
        const row = sql.first('delete from freezes where scope = :scope returning *', { scope })
        touchQueued(sql, scope, touch)
        return row === null ? null : toFreeze(row)
      }),
  }
}

function reading(sql: Sql, read: <T>(work: () => T) => Promise<T>): Reading {
  return {
    gates: () => read(() => gatesOf(sql)),
    quarantined: (app) =>
      read(() =>
        sql.all('select * from quarantine where app = :app order by deployment desc', { app }).map(toQuarantined),
      ),
    rollbackTarget: (app, onDisk = {}) => read(() => rollbackTargetOf(sql, app, onDisk)),
  }
}

export function gatesOf(sql: Sql): Gates {
  return { holds: allHolds(sql), freezes: sql.all('select * from freezes order by scope').map(toFreeze) }
}

function toFreeze(row: Row): Freeze {
  return {
    scope: text(row, 'scope'),
    until: dateOrNull(row, 'until'),
    by: textOrNull(row, 'by'),
    reason: textOrNull(row, 'reason'),
    at: date(row, 'at'),
  }
}

function toQuarantined(row: Row): Quarantined {
  return {
    app: text(row, 'app'),
    revision: revisionOf(row),
    deployment: integer(row, 'deployment'),
    reason: textOrNull(row, 'reason'),
    at: date(row, 'at'),
  }
}

function revisionOf(row: Row): Revision {
  const revision = parseRevision(row['revision'])
  if (revision === null) throw new TypeError('column revision holds no revision')
  return revision
}
