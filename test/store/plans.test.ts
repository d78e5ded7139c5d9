import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { listDeployments } from '../../src/store/deployments.ts'
import { listDeliveries } from '../../src/store/list-deliveries.ts'
import { pruneDeployments } from '../../src/store/prune-deployments.ts'
import { waitingOf } from '../../src/store/queue.ts'
import { createSql, type Sql } from '../../src/store/sql.ts'

const schema = new URL('../../src/store/migrations/0001-first.sql', import.meta.url)

it.each<[string, (sql: Sql) => unknown]>([
  ['deployments of an app', (sql) => listDeployments(sql, { limit: 50, app: 'blog', before: 9 })],
  ['deployments that ended in one way', (sql) => listDeployments(sql, { limit: 50, state: 'failed', before: 9 })],
  ['both', (sql) => listDeployments(sql, { limit: 50, app: 'blog', state: 'failed', before: 9 })],
  ['deliveries of a webhook', (sql) => listDeliveries(sql, { limit: 50, webhook: 'github', before: 9 })],
  ['deliveries for an app', (sql) => listDeliveries(sql, { limit: 50, app: 'blog', before: 9 })],
  ['deliveries for an app, of a webhook', (sql) => listDeliveries(sql, { limit: 50, app: 'blog', webhook: 'github' })],
  ['a delivery by its id', (sql) => listDeliveries(sql, { limit: 50, providerId: '1' })],
])('a page is found by an index and in order, however long the history is: %s', (_, list) => {
  expect(plansOf(list).filter((step) => /^(SCAN|USE TEMP B-TREE)/.test(step))).toEqual([])
})

it.each(['queued', 'running'] as const)('what is %s is found among what is not done', (state) => {
  const plans = plansOf((sql) => listDeployments(sql, { limit: 50, app: 'blog', state }))
  expect(plans).toContain('SEARCH deployments USING INDEX deployments_by_state (state=?)')
})

it('what waits of an app is found among what waits, not in all that the app ever had', () => {
  const plans = plansOf((sql) => waitingOf(sql, 'blog'))
  expect(plans).toContain('SEARCH deployments USING INDEX one_queued_per_kind (app=?)')
})

it('how deployments of an app ended is found by both', () => {
  const plans = plansOf((sql) => listDeployments(sql, { limit: 50, app: 'blog', state: 'failed' }))
  expect(plans).toContain('SEARCH deployments USING INDEX ended (app=? AND outcome=?)')
})

it('forgetting looks at no more of the history than it may forget', () => {
  const plans = plansOf((sql) => pruneDeployments(sql, { historyBefore: new Date(0), maxHistory: 100 }))
  expect(plans).toContain('SEARCH own USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)')
})

/** How SQLite would go about every statement that `work` runs. */
function plansOf(work: (sql: Sql) => unknown): readonly string[] {
  using database = new DatabaseSync(':memory:')
  database.exec(readFileSync(schema, 'utf8'))
  const sql = createSql(database)
  const plans: string[] = []
  const explain = (statement: string, values: Parameters<Sql['all']>[1]): void => {
    if (statement.includes('json_each(:ids)')) return // what belongs to a page that is found already
    for (const { detail } of sql.all(`explain query plan ${statement}`, values)) plans.push(String(detail))
  }
  work({
    ...sql,
    all(statement, values) {
      explain(statement, values)
      return sql.all(statement, values)
    },
    first(statement, values) {
      explain(statement, values)
      return sql.first(statement, values)
    },
  })
  return plans
}
