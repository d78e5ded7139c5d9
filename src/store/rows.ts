import { ignoredReasons, type DeliveryRecord, type DeliveryResult, type IgnoredApp } from '../model/delivery.ts'
import type { Deployment, Outcome, Phase, State, StepRecord, Trigger } from '../model/deployment.ts'
import { parseRevision } from '../model/revision.ts'
import { date, dateOrNull, integer, integerOrNull, text, textOrNull, type Row, type Sql } from './sql.ts'

/** Deployments from their rows, with the steps of all of them by one query, in the order of the rows. */
export function toDeployments(sql: Sql, rows: readonly Row[]): readonly Deployment[] {
  const started = rows.filter(({ attempts }) => attempts !== 0).map(({ id }) => id)
  const steps = Map.groupBy(started.length === 0 ? [] : stepsOf(sql, started), ({ deployment }) => deployment)
  return rows.map((row) => toDeployment(row, (steps.get(row['id'] ?? null) ?? []).map(toStep)))
}

function stepsOf(sql: Sql, deployments: readonly unknown[]): readonly Row[] {
  return sql.all(
    `select * from steps where deployment in (select value from json_each(:ids)) order by deployment, attempt, number`,
    { ids: JSON.stringify(deployments) },
  )
}

export function toDeployment(row: Row, steps: readonly StepRecord[]): Deployment {
  return {
    id: integer(row, 'id'),
    app: text(row, 'app'),
    requestedRevision: parseRevision(row['requested_revision']),
    revision: parseRevision(row['revision']),
    ref: text(row, 'ref'),
    trigger: text(row, 'trigger') as Trigger,
    state: text(row, 'state') as State,
    outcome: textOrNull(row, 'outcome') as Outcome | null,
    reason: textOrNull(row, 'reason'),
    message: textOrNull(row, 'message'),
    supersededBy: integerOrNull(row, 'superseded_by'),
    delivery: integerOrNull(row, 'delivery'),
    attempts: integer(row, 'attempts'),
    queuedAt: date(row, 'queued_at'),
    startedAt: dateOrNull(row, 'started_at'),
    finishedAt: dateOrNull(row, 'finished_at'),
    release: textOrNull(row, 'release'),
    adopt: integer(row, 'adopt') === 1,
    exact: integer(row, 'exact') === 1,
    forced: integer(row, 'forced') === 1,
    approvedAt: dateOrNull(row, 'approved_at'),
    approvedBy: textOrNull(row, 'approved_by'),
    askedBy: textOrNull(row, 'asked_by'),
    note: textOrNull(row, 'note'),
    steps,
  }
}

function toStep(row: Row): StepRecord {
  return {
    number: integer(row, 'number'),
    phase: text(row, 'phase') as Phase,
    name: text(row, 'name'),
    attempt: integer(row, 'attempt'),
    exitCode: integerOrNull(row, 'exit_code'),
    signal: textOrNull(row, 'signal'),
    startedAt: date(row, 'started_at'),
    finishedAt: dateOrNull(row, 'finished_at'),
  }
}

/** Deliveries from their rows, with the deployments of all of them by one query, in the order of the rows. */
export function toDeliveries(sql: Sql, rows: readonly Row[]): readonly DeliveryRecord[] {
  const ids = JSON.stringify(rows.map(({ id }) => id))
  const deployments = Map.groupBy(
    sql.all(
      `select id, app, delivery from deployments where delivery in (select value from json_each(:ids)) order by id`,
      { ids },
    ),
    ({ delivery }) => delivery,
  )
  return rows.map((row) => {
    const made = deployments.get(row['id'] ?? null) ?? []
    return toDelivery(
      row,
      made.map((deployment) => ({ id: integer(deployment, 'id'), app: text(deployment, 'app') })),
    )
  })
}

/** `deployments`: those that it made. */
export function toDelivery(row: Row, deployments: DeliveryRecord['deployments']): DeliveryRecord {
  return {
    id: integer(row, 'id'),
    webhook: text(row, 'webhook'),
    provider: text(row, 'provider'),
    providerId: textOrNull(row, 'provider_id'),
    event: textOrNull(row, 'event'),
    receivedAt: date(row, 'received_at'),
    remoteAddress: text(row, 'remote_address'),
    result: text(row, 'result') as DeliveryResult,
    reason: textOrNull(row, 'reason'),
    duplicateOf: integerOrNull(row, 'duplicate_of'),
    replayOf: integerOrNull(row, 'replay_of'),
    secret: integer(row, 'secret'),
    repository: textOrNull(row, 'repository'),
    ref: textOrNull(row, 'ref'),
    after: textOrNull(row, 'after'),
    pusher: textOrNull(row, 'pusher'),
    deployments,
    ignored: reachedApps(row).filter(isIgnored),
  }
}

/** An app that a delivery reached: deployed (null), a duplicate there, or ignored. */
export type ReachedApp = { readonly app: string; readonly reason: IgnoredApp['reason'] | 'duplicate' | null }

function reachedApps(row: Row): readonly ReachedApp[] {
  return JSON.parse(text(row, 'apps')) as readonly ReachedApp[]
}

function isIgnored(reached: ReachedApp): reached is IgnoredApp {
  return ignoredReasons.some((reason) => reason === reached.reason)
}
