import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { answering, startSink } from '../reporters/sink.ts'
import { signing } from '../config/support.ts'
import { gate } from '../support/open-world.ts'
import { createWorld } from '../support/world.ts'
import { until } from '../support/until.ts'

it('a failure and the recovery after it are told by webhook and by command, and shown as told', async () => {
  const sink = await startSink(answering(200))
  const world = await createWorld(
    { blog: { steps: ['test "$(cat index.html)" = good'], notify: ['ops', 'pager'] } },
    { start: false },
  )
  const map = JSON.parse(await readFile(world.path('deploy.yml'), 'utf8')) as object
  await writeFile(world.path('reports.secret'), signing, { mode: 0o600 })
  const reporters = {
    ops: { kind: 'webhook', url: sink.url, secret: { file: 'reports.secret' }, allow_private: true },
    pager: { kind: 'command', run: ['sh', '-c', `cat >> ${world.path('told')}; echo >> ${world.path('told')}`] },
  }
  await writeFile(world.path('deploy.yml'), JSON.stringify({ ...map, reporters }), { mode: 0o600 })
  await world.start()

  const ids: number[] = []
  for (const html of ['bad', 'good']) {
    const id = await world.ship({ 'index.html': html })
    await world.done(id)
    ids.push(id)
  }
  const told = await until('both to be told by both', async () => {
    const lines = (await world.read('told').catch(() => '')).split('\n').filter((line) => line !== '')
    return lines.length === 2 && sink.received.length === 2 && lines
  })
  expect(told.map((line) => JSON.parse(line) as object)).toMatchObject([
    { kind: 'failed', app: 'blog', deployment: { id: ids[0] } },
    { kind: 'recovered', app: 'blog', deployment: { id: ids[1] } },
  ])

  const shown = await until('the reports to be shown as sent', async () => {
    const { reports } = (await world.deployment(ids[0] ?? 0)) as unknown as { reports: { state: string }[] }
    return reports.every(({ state }) => state === 'sent') && reports
  })
  expect(shown).toMatchObject([{ reporter: 'ops', kind: 'failed', attempts: 1, error: null }, { reporter: 'pager' }])
  const sent = JSON.parse(sink.received[0]?.body.toString() ?? '') as { deployment: object }
  const { reports, ...deployment } = (await world.deployment(ids[0] ?? 0)) as unknown as { reports: object }
  expect([reports, sent.deployment]).toEqual([shown, deployment])

  const { facts } = (await world.daemon.api(`/api/explain?subject=${ids[0] ?? 0}`)).body as { facts: string[] }
  expect(facts).toContainEqual(expect.stringMatching(/^Reporter ops told of it \(failed\)/))
  const tried = await world.daemon.api('/api/reporters/ops/test', { method: 'POST', body: {} })
  expect([tried.body, sink.received[2]?.headers['webhook-id']]).toEqual([
    { result: 'told', problem: null },
    expect.stringMatching(/-test-\d+$/),
  ])
})

it('an app that leaves deploy.yml while it runs is told of all the same', async () => {
  const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
  const held = gate(world, 'held')
  const map = JSON.parse(await readFile(world.path('deploy.yml'), 'utf8')) as { apps: Record<string, object> }
  const [told, reporters] = [world.path('told'), { pager: { kind: 'command', run: ['tee', world.path('told')] } }]
  const blog = { ...map.apps['blog'], steps: [held.step, 'exit 7'], notify: ['pager'] }
  await writeFile(world.path('deploy.yml'), JSON.stringify({ ...map, reporters, apps: { blog } }), { mode: 0o600 })
  await world.start()
  const id = await world.ship({ f: '1' })
  await held.reached()

  const shop = { ...blog, path: world.path('srv/shop'), notify: [] }
  await writeFile(world.path('deploy.yml'), JSON.stringify({ ...map, reporters, apps: { shop } }), { mode: 0o600 })
  expect((await world.daemon.api('/api/reload', { method: 'POST' })).status).toBe(200)
  await held.open()
  expect(await world.done(id)).toMatchObject({ outcome: 'failed', app: 'blog' })
  const text = await until('it to be told', async () => {
    const written = existsSync(told) ? await readFile(told, 'utf8') : ''
    return written.endsWith('}') && written
  })
  expect(JSON.parse(text)).toMatchObject({ kind: 'failed', app: 'blog', deployment: { id } })
})
