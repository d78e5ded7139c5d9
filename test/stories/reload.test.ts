import { rename, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createWorld, gate, type World } from '../support/world.ts'
import { until } from '../support/until.ts'

async function configProblems(world: World): Promise<readonly string[]> {
  return ((await world.daemon.api('/api/status')).body as { config: { problems: string[] } }).config.problems
}

describe('editing deploy.yml', () => {
  it('takes effect when the file is saved, also by an editor that replaces it', async () => {
    const world = await createWorld({ blog: { steps: ['touch old'] } })
    await world.done(await world.ship({ f: '1' }))

    const text = (await world.read('deploy.yml')).replace('touch old', 'touch new')
    await writeFile(world.path('.deploy.yml.swp'), text)
    await rename(world.path('.deploy.yml.swp'), world.path('deploy.yml'))
    await until('the new map', () => world.daemon.log.find(({ msg }) => msg === 'deploy map loaded'))

    await world.done(await world.ship({ f: '2' }))
    expect(await world.read('srv/blog/new')).toBe('')
  })

  it('takes effect on SIGHUP', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    world.daemon.kill('SIGHUP')
    expect(await until('the map', () => world.daemon.log.find(({ msg }) => msg === 'deploy map loaded'))).toMatchObject(
      { apps: 1 },
    )
  })

  it('into something broken keeps the last good map, and says so everywhere', async () => {
    const world = await createWorld({ blog: { steps: ['touch ran'] } })
    const good = await world.read('deploy.yml')
    await writeFile(world.path('deploy.yml'), good.replace('"steps"', '"stepps"'))
    await until('the refusal', () => world.daemon.log.find(({ msg }) => String(msg).startsWith('deploy map refused')))

    const reloaded = await world.daemon.api('/api/reload', { method: 'POST' })
    expect(reloaded.status).toBeGreaterThanOrEqual(400)
    expect(reloaded.text).toContain('stepps')
    expect((await configProblems(world)).join()).toContain('stepps')
    expect((await world.daemon.api('/readyz')).body).toMatchObject({ warnings: ['config_not_reloaded'] })
    expect(await world.done(await world.ship({ f: '1' }))).toMatchObject({ outcome: 'succeeded' })

    await writeFile(world.path('deploy.yml'), good)
    await until('the good map', async () => (await configProblems(world)).length === 0)
    expect((await world.daemon.api('/readyz')).body).toMatchObject({ warnings: [] })
  })

  it('lets the running deployment of a changed app end with what it was claimed with', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [build.step, 'touch old'] } })
    await world.start()
    const first = await world.ship({ f: '1' })
    await build.reached()
    await world.configure({ blog: { steps: ['touch new'] } })
    await world.daemon.api('/api/reload', { method: 'POST' })
    const second = await world.ship({ f: '2' })

    await build.open()
    expect(await world.done(first)).toMatchObject({ outcome: 'succeeded', steps: [{}, { name: 'touch old' }] })
    expect(await world.done(second)).toMatchObject({ outcome: 'succeeded', steps: [{ name: 'touch new' }] })
  })

  it('to remove an app ends what it had queued as skipped', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure(
      { blog: { steps: [build.step] }, shop: { concurrency_group: 'x', repository: 'acme/shop', steps: ['true'] } },
      { max_running: 1 },
    )
    await world.start()
    const first = await world.ship({ f: '1' })
    await build.reached()
    const second = await world.ship({ f: '2' }, 'acme/shop')
    await world.configure({ blog: { steps: ['true'] } })
    await world.daemon.api('/api/reload', { method: 'POST' })

    expect(await world.done(second)).toMatchObject({ outcome: 'skipped', reason: 'app_removed', attempts: 0 })
    await build.open()
    expect(await world.done(first)).toMatchObject({ outcome: 'succeeded' })
  })

  it('to rename an app keeps its history, its tree and its queue when the entry says was:', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    const pushed = await world.repository().push({ f: '1' })
    await world.deliver(pushed)
    await world.done(1)

    await world.configure({ journal: { was: 'blog', path: world.path('srv', 'blog'), steps: ['true'] } })
    await world.daemon.api('/api/reload', { method: 'POST' })
    const { apps } = (await world.daemon.api('/api/apps')).body as {
      apps: { name: string; live: { revision: string } }[]
    }
    expect(apps).toMatchObject([{ name: 'journal', live: { revision: pushed.after } }])
    expect(await world.done(await world.ship({ f: '2' }))).toMatchObject({ app: 'journal', outcome: 'succeeded' })
    expect(await world.read('srv/blog/f')).toBe('2')
  })
})
