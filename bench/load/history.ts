import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Of every history: its oldest deployments are all of this app, and ended in this way, as none after them did. */
export const oldest = { count: 60, app: 'app-old', outcome: 'timed_out' } as const

/** The id that the provider gave the delivery of that number. */
export function providerIdOf(delivery: number): string {
  return `delivery-${delivery}`
}

/**
 * Fills the database of a daemon that has ended: so many deployments of 10 apps over the last year, each with a step and
 * the push that asked for it, and for every tenth a delivery that was ignored. Its indexes are taken down meanwhile.
 */
export function fillHistory(stateDirectory: string, deployments: number): void {
  const database = new DatabaseSync(join(stateDirectory, 'state.db'))
  try {
    database.exec('pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -200000')
    const indexes = database
      .prepare(`select name, sql from sqlite_master where type = 'index' and sql is not null`)
      .all() as { name: string; sql: string }[]
    for (const { name } of indexes) database.exec(`drop index ${name}`)
    database.exec('begin')
    database.exec(`create temp table n as with recursive n (i) as (values (1) union all select i + 1 from n limit ${deployments})
      select i, ${app} as app, ${outcome} as outcome, lower(hex(randomblob(20))) as revision,
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || (${deployments} - i) * 30 || ' seconds') as at from n`)
    database.exec(deliveries)
    database.exec(ignoredDeliveries(deployments))
    database.exec(deploymentRows)
    database.exec(`insert into steps (deployment, attempt, number, phase, name, exit_code, started_at, finished_at)
      select i, 1, 1, 'build', 'npm run build', 0, at, at from n`)
    database.exec('commit')
    for (const { sql } of indexes) database.exec(sql)
    database.exec('drop table n; pragma journal_mode = wal')
  } finally {
    database.close()
  }
}

const app = `iif(i <= ${oldest.count}, '${oldest.app}', 'app-' || i % 10)`

/** Half of them succeeded, the others in turn; by another step than the apps, so that each app has all. */
const outcome = `iif(i <= ${oldest.count}, '${oldest.outcome}', case i / 10 % 10
  when 0 then 'failed' when 1 then 'superseded' when 2 then 'skipped' when 3 then 'cancelled' when 4 then 'interrupted'
  when 5 then 'rolled_back' else 'succeeded' end)`

const deliveries = `
  insert into deliveries (id, webhook, provider, provider_id, id_is_signed, body_hash, secret, event, received_at,
    remote_address, headers, result, repository, ref, after, pusher, apps)
  select i, 'github', 'github', 'delivery-' || i, 0, randomblob(32), 0, 'push', at, '127.0.0.1',
    '{"x-github-event":"push"}', 'accepted', 'acme/' || app, 'refs/heads/main', revision, 'ada',
    '[{"app":"' || app || '","reason":null}]' from n`

const ignoredDeliveries = (from: number) => `
  insert into deliveries (id, webhook, provider, provider_id, id_is_signed, body_hash, secret, event, received_at,
    remote_address, headers, result, reason, repository, ref, after, pusher, apps)
  select ${from} + i / 10, 'github', 'github', 'ignored-' || i, 0, randomblob(32), 0, 'push', at, '127.0.0.1',
    '{"x-github-event":"push"}', 'ignored', 'branch', 'acme/' || app, 'refs/heads/next', revision, 'ada',
    '[{"app":"' || app || '","reason":"branch"}]' from n where i % 10 = 0`

const deploymentRows = `
  insert into deployments (id, app, trigger, kind, ref, requested_revision, revision, adopt, delivery, place, state,
    outcome, message, superseded_by, attempts, concurrency_group, real_path, fingerprint, queued_at, started_at, finished_at)
  select i, app, 'push', 'automatic', 'refs/heads/main', revision, revision, 0, i, i, 'done',
    outcome, iif(outcome = 'failed', 'step 1/1 (npm run build): exit code 1', null),
    null, iif(outcome = 'superseded', 0, 1), 'github.com/acme/' || app, '/srv/' || app,
    '0123456789abcdef', at, at, at from n`
