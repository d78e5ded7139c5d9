import { describe, expect, it } from 'vitest'
import { arrival, claimed, enqueue, openRaw, openTestStore } from './support.ts'

// The promises that the database itself holds, whatever code writes to it.

const hash = `x'${'00'.repeat(32)}'`

function insertDelivery(columns: string, values: string): string {
  return `insert into deliveries (provider, secret, received_at, remote_address, headers, apps, ${columns})
    values ('github', 0, '2026', '::1', '{}', '[]', ${values})`
}

function insertDeployment(columns: string, values: string): string {
  return `insert into deployments (trigger, ref, adopt, place, queued_at, ${columns}) values ('push', 'refs/heads/main', 0, 1, '2026', ${values})`
}

const running = (app: string, group: string, path: string) =>
  insertDeployment(
    'app, kind, state, attempts, started_at, concurrency_group, real_path, fingerprint',
    `'${app}', 'automatic', 'running', 1, '2026', '${group}', '${path}', 'f'`,
  )

describe('the database', () => {
  it.each([
    ['group', running('docs', 'group of blog', '/srv/docs')],
    ['app', running('blog', 'other', '/srv/other')],
    ['directory', running('docs', 'other', '/srv/blog')],
  ])('lets no two deployments of one %s run', async (_, statement) => {
    const { store, directory } = await openTestStore()
    await enqueue(store, 'blog')
    await claimed(store)

    expect(() => {
      openRaw(directory).exec(statement)
    }).toThrow('UNIQUE constraint failed')
    openRaw(directory).exec(running('docs', 'group of docs', '/srv/docs'))
  })

  it('lets no two deployments of one kind be queued for an app', async () => {
    const { store, directory } = await openTestStore()
    await enqueue(store, 'blog')
    const raw = openRaw(directory)

    expect(() => {
      raw.exec(insertDeployment('app, kind, state', `'blog', 'automatic', 'queued'`))
    }).toThrow('UNIQUE constraint failed')
    raw.exec(insertDeployment('app, kind, state', `'blog', 'person', 'queued'`))
  })

  it.each([
    ['id', 'x', `'a-1', 0, x'${'11'.repeat(32)}'`],
    ['body', 'x', `'a-2', 0, ${hash}`],
  ])('lets no two originals have one %s', async (_, __, values) => {
    const { directory } = await openTestStore()
    const raw = openRaw(directory)
    const columns = 'webhook, result, provider_id, id_is_signed, body_hash'
    raw.exec(insertDelivery(columns, `'github', 'accepted', 'a-1', 0, ${hash}`))

    expect(() => {
      raw.exec(insertDelivery(columns, `'github', 'accepted', ${values}`))
    }).toThrow('UNIQUE constraint failed')
    raw.exec(insertDelivery(`${columns}, duplicate_of`, `'github', 'accepted', ${values}, 1`))
    raw.exec(insertDelivery(`${columns}, reason`, `'github', 'ignored', ${values}, 'branch'`))
  })

  it.each([
    ['done without an outcome', insertDeployment('app, kind, state, finished_at', `'x', 'person', 'done', '2026'`)],
    [
      'an outcome before it is done',
      insertDeployment('app, kind, state, outcome', `'x', 'person', 'queued', 'failed'`),
    ],
    [
      'an outcome that does not exist',
      insertDeployment('app, kind, state, outcome, finished_at', `'x', 'person', 'done', 'green', '2026'`),
    ],
    ['a state that does not exist', insertDeployment('app, kind, state', `'x', 'person', 'paused'`)],
    [
      'running nowhere',
      insertDeployment('app, kind, state, attempts, started_at', `'x', 'person', 'running', 1, '2026'`),
    ],
    ['a short commit', insertDeployment('app, kind, state, revision', `'x', 'person', 'queued', 'abc123'`)],
    [
      'a delivery accepted for a reason',
      insertDelivery('webhook, result, reason, id_is_signed, body_hash', `'g', 'accepted', 'x', 0, ${hash}`),
    ],
    [
      'a delivery ignored for none',
      insertDelivery('webhook, result, id_is_signed, body_hash', `'g', 'ignored', 0, ${hash}`),
    ],
    [
      'a duplicate of nothing',
      insertDelivery('webhook, result, reason, id_is_signed, body_hash', `'g', 'duplicate', 'duplicate', 0, ${hash}`),
    ],
  ])('holds no row with %s', async (_, statement) => {
    const { directory } = await openTestStore()

    expect(() => {
      openRaw(directory).exec(statement)
    }).toThrow('CHECK constraint failed')
  })

  it('holds no deployment of a delivery that is not there', async () => {
    const { store, directory } = await openTestStore()
    await store.accept(arrival({}))

    expect(() => {
      openRaw(directory).exec('delete from deliveries')
    }).toThrow('FOREIGN KEY constraint failed')
  })
})
