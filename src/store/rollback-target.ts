import { parseRevision, type Revision } from '../model/revision.ts'
import { liveOf } from './deployments.ts'
import { integer, textOrNull, type Row, type Sql } from './sql.ts'

/** A version of an app that was good once, and the deployment that showed it. */
export type RollbackTarget = {
  /** null: it was made in place, and is its revision alone. */
  readonly release: string | null
  readonly revision: Revision
  readonly deployment: number
}

/** What the machine knows better than the history, of an app that has releases. */
export type OnDisk = {
  /** The names of those that are there: it has to be one of them. */
  readonly releases?: readonly string[]
  /** The name of the one that is live. */
  readonly live?: string | null
}

/** The newest good version other than what is there now. One that was rolled back, or that somebody went back from, is none. */
export function rollbackTargetOf(sql: Sql, app: string, { releases, live }: OnDisk): RollbackTarget | null {
  const now = live == null ? whatIsThere(sql, app) : { release: live, revision: null }
  const row = sql.first(
    `select id, release, revision from deployments as own
     where app = :app and outcome = 'succeeded' and revision is not null
       and iif(:release is null, revision is not :revision, release <> :release)
       and (:releases is null or release in (select value from json_each(:releases)))
       and not exists (select 1 from quarantine where app = own.app and revision = own.revision)
     order by id desc limit 1`,
    {
      app,
      release: now.release,
      revision: now.revision,
      releases: releases === undefined ? null : JSON.stringify(releases),
    },
  )
  const revision = parseRevision(row?.['revision'])
  if (row === null || revision === null) return null
  return { release: now.release === null ? null : textOrNull(row, 'release'), revision, deployment: integer(row, 'id') }
}

type There = { readonly release: string | null; readonly revision: Revision | null }

/** What was last good, unless one that failed after it has put itself in its place. */
export function whatIsThere(sql: Sql, app: string): There {
  const good = liveOf(sql, app)
  const failed = sql.first(newestFailed, { app, good: good.deployment ?? 0 })
  if (failed === null) return good
  const { release, revision } = thereOf(failed)
  return good.release === null || release !== null ? { release, revision } : good
}

/** Whatever ended it early. One that went back has left nothing behind, nor has any before it. */
const newestFailed = `
  select release, revision from deployments as own
  where app = :app and id > :good and attempts > 0 and revision is not null
    and outcome in ('failed', 'cancelled', 'timed_out', 'interrupted')
    and exists (select 1 from steps where deployment = own.id)
    and not exists (
      select 1 from deployments as back where app = own.app and id >= own.id and reason is not 'rollback_failed'
        and (outcome = 'rolled_back' or exists (select 1 from steps where deployment = back.id and phase = 'rollback')))
  order by id desc limit 1`

function thereOf(row: Row): There {
  return { release: textOrNull(row, 'release'), revision: parseRevision(row['revision']) }
}
