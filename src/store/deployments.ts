import type { Deployment, Outcome, State, Trigger } from '../model/deployment.ts'
import { parseRevision } from '../model/revision.ts'
import { toDeployments } from './rows.ts'
import { dateOrNull, integer, integerOrNull, text, textOrNull, type Sql } from './sql.ts'
import type { Live, Queued, Store } from './store.ts'

export function findDeployment(sql: Sql, id: number): Deployment | null {
  return toDeployments(sql, sql.all('select * from deployments where id = :id', { id }))[0] ?? null
}

/** One that is known to exist. */
export function deploymentOf(sql: Sql, id: number): Deployment {
  const deployment = findDeployment(sql, id)
  if (deployment === null) throw new Error(`there is no deployment ${id}`)
  return deployment
}

export function listDeployments(
  sql: Sql,
  { limit, before, app, state, revision }: Parameters<Store['deployments']>[0],
): readonly Deployment[] {
  const conditions = [
    before === undefined ? null : 'id < :before',
    // Of what is not done there is little: that is looked through, not all that the app ever had.
    app === undefined ? null : state === 'queued' || state === 'running' ? '+app = :app' : 'app = :app',
    state === undefined ? null : standsOrEnded(state),
    revision === undefined ? null : 'coalesce(revision, requested_revision) = :revision',
  ].filter((condition) => condition !== null)
  const values = Object.entries({ limit, before, app, state, revision })
  const rows = sql.all(
    `select * from deployments ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''} order by id desc limit :limit`,
    Object.fromEntries(values.filter((entry): entry is [string, string | number] => entry[1] !== undefined)),
  )
  return toDeployments(sql, rows)
}

/** Each by its index; but nearly all are done, and are found soonest from the newest on, which the + asks for. */
function standsOrEnded(standing: State | Outcome): string {
  if (standing === 'done') return '+state = :state'
  return standing === 'queued' || standing === 'running' ? 'state = :state' : 'outcome = :state'
}

export function queueOf(sql: Sql): readonly Queued[] {
  const rows = sql.all(
    `select id, app, state, trigger, forced, approved_at, iif(state = 'running', concurrency_group, null) as concurrency_group,
       iif(state = 'running', real_path, null) as real_path
     from deployments where state in ('running', 'queued') order by state desc, place`,
  )
  return rows.map((row) => ({
    id: integer(row, 'id'),
    app: text(row, 'app'),
    state: text(row, 'state') as Queued['state'],
    trigger: text(row, 'trigger') as Trigger,
    forced: integer(row, 'forced') === 1,
    approvedAt: dateOrNull(row, 'approved_at'),
    concurrencyGroup: textOrNull(row, 'concurrency_group'),
    realPath: textOrNull(row, 'real_path'),
  }))
}

export function liveOf(sql: Sql, app: string): Live {
  const succeeded = sql.first(
    `select id, revision, release, ref, finished_at from deployments where app = :app and outcome = 'succeeded' order by id desc limit 1`,
    { app },
  )
  const touched = sql.first(lastToTouchTheTree, { app })
  return {
    revision: parseRevision(succeeded?.['revision']),
    release: succeeded === null ? null : textOrNull(succeeded, 'release'),
    deployment: succeeded === null ? null : integerOrNull(succeeded, 'id'),
    at: succeeded === null ? null : dateOrNull(succeeded, 'finished_at'),
    ref: succeeded === null ? null : textOrNull(succeeded, 'ref'),
    fingerprint: touched?.['outcome'] === 'succeeded' ? textOrNull(touched, 'fingerprint') : null,
  }
}

/**
 * The newest that was ever started, but for one whose first attempt is still running (it is the one that asks) and one
 * that its only attempt found nothing to do for. A skipped one that had been interrupted before may have left half a tree.
 */
const lastToTouchTheTree = `
  select outcome, fingerprint from deployments
  where app = :app and attempts > 0
    and not (attempts = 1 and (state = 'running' or (outcome is 'skipped' and reason is not 'app_removed')))
  order by id desc limit 1`
