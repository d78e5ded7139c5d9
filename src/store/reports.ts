import type { Outcome } from '../model/deployment.ts'
import { reportsOf, tellingEnds, type Notify, type ReportKind, type ReportRecord } from '../model/report.ts'
import { longestWaitMs } from '../model/report-attempts.ts'
import { capped } from './capped.ts'
import type { Outbox, ReportCount, Tried } from './outbox.ts'
import { date, dateOrNull, integer, text, textOrNull, type Row, type Sql } from './sql.ts'
import type { Writer } from './writer.ts'

/**
 * Makes the reports of those of the deployments that are done, in the transaction that ended them: so no way to end one
 * can forget to tell, and none is told of that was not kept. Once more changes nothing.
 */
export function queueReports(
  sql: Sql,
  {
    deployments,
    notify,
  }: { readonly deployments: Iterable<number>; readonly notify: (app: string) => readonly Notify[] },
): void {
  for (const deployment of deployments) {
    const ended = sql.first(
      `select app, outcome, finished_at from deployments where id = :deployment and state = 'done'`,
      {
        deployment,
      },
    )
    if (ended === null) continue
    const wishes = notify(text(ended, 'app'))
    if (wishes.length === 0) continue
    const previous = previousEnd(sql, text(ended, 'app'), deployment)
    for (const { reporter, kind } of reportsOf(text(ended, 'outcome') as Outcome, { previous, notify: wishes })) {
      sql.run(
        `insert into reports (deployment, reporter, kind, made_at, next_attempt_at)
         values (:deployment, :reporter, :kind, :at, :at) on conflict do nothing`,
        { deployment, reporter, kind, at: text(ended, 'finished_at') },
      )
    }
  }
}

/** How the app's last deployment before this one ended, of those whose end tells something of the app. */
function previousEnd(sql: Sql, app: string, deployment: number): Outcome | null {
  const row = sql.first(
    `select outcome from deployments where app = :app and id < :deployment
       and outcome in (${tellingEnds.map((end) => `'${end}'`).join(', ')})
     order by id desc limit 1`,
    { app, deployment },
  )
  return row === null ? null : (text(row, 'outcome') as Outcome)
}

export function createReports(
  sql: Sql,
  { writer, read }: { readonly writer: Writer; readonly read: <T>(work: () => T) => Promise<T> },
): Outbox {
  return {
    dueReports: ({ at, atMost }) =>
      read(() =>
        sql
          .all(
            `select * from (
               select *, row_number() over (partition by reporter order by id) as turn from reports
               where state = 'pending' and (next_attempt_at <= :at or next_attempt_at > :latest or attempts = 0)
             ) where turn <= :atMost order by id`,
            { at: at.toISOString(), latest: new Date(at.getTime() + longestWaitMs).toISOString(), atMost },
          )
          .map(toReport),
      ),
    nextReportAt: (at) =>
      read(() => {
        const row = sql.first(
          `select min(next_attempt_at) as at from reports where state = 'pending' and next_attempt_at > :at`,
          { at: at.toISOString() },
        )
        return row === null ? null : dateOrNull(row, 'at')
      }),
    reportTried: (id, tried) =>
      writer.write(() => {
        sql.run(
          `update reports set attempts = attempts + 1, state = :state, error = :error,
             next_attempt_at = :nextAttemptAt, sent_at = :sentAt
           where id = :id and state = 'pending'`,
          { id, ...columnsOf(tried) },
        )
      }),
    reportsOf: (deployment) =>
      read(() =>
        sql.all('select * from reports where deployment = :deployment order by id', { deployment }).map(toReport),
      ),
    reportCounts: () => read(() => sql.all(counts).map(toCount)),
    pruneReports: (before) =>
      writer.write(() =>
        sql.run(
          `delete from reports where id in (
             select id from reports where state <> 'pending' and made_at < :before order by made_at limit 100
           )`,
          { before: before.toISOString() },
        ),
      ),
  }
}

function columnsOf(tried: Tried) {
  return {
    state: tried.state,
    error: tried.state === 'sent' ? null : capped(tried.error, 500),
    nextAttemptAt: tried.state === 'pending' ? tried.nextAttemptAt.toISOString() : null,
    sentAt: tried.state === 'sent' ? tried.at.toISOString() : null,
  }
}

const counts = `
  select reporter, sum(state = 'pending') as pending, sum(state = 'dead') as dead, max(sent_at) as last_sent_at,
    (select error from reports as newest where newest.reporter = reports.reporter and error is not null
     order by id desc limit 1) as last_error
  from reports group by reporter order by reporter`

function toCount(row: Row): ReportCount {
  return {
    reporter: text(row, 'reporter'),
    pending: integer(row, 'pending'),
    dead: integer(row, 'dead'),
    lastSentAt: dateOrNull(row, 'last_sent_at'),
    lastError: textOrNull(row, 'last_error'),
  }
}

function toReport(row: Row): ReportRecord {
  return {
    id: integer(row, 'id'),
    deployment: integer(row, 'deployment'),
    reporter: text(row, 'reporter'),
    kind: text(row, 'kind') as ReportKind,
    state: text(row, 'state') as ReportRecord['state'],
    attempts: integer(row, 'attempts'),
    madeAt: date(row, 'made_at'),
    nextAttemptAt: dateOrNull(row, 'next_attempt_at'),
    sentAt: dateOrNull(row, 'sent_at'),
    error: textOrNull(row, 'error'),
  }
}
