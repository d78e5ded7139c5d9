import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { run, type Ran } from '../cli/world.ts'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'

/** A command of the operator alice, on the world's control socket. */
function command(world: World, ...argv: readonly string[]): Promise<Ran> {
  return run([...argv, '--socket', world.path('control.sock')], {
    env: { SUDO_USER: 'alice' },
    clock: { now: () => new Date() },
  })
}

async function revisionOf(world: World, id: number): Promise<string> {
  return (await world.deployment(id)).revision ?? ''
}

describe('an operator with the commands', () => {
  it('goes back, keeps the app there, and lets it follow its branch again', async () => {
    const world = await createWorld({ blog: { strategy: 'releases', steps: ['cat page'] } })
    const live = (): Promise<string> => world.read('srv/blog/current/page')
    const good = await world.ship({ page: 'good' })
    await world.done(good)
    const bad = await world.ship({ page: 'bad' })
    await world.done(bad)
    expect(await live()).toBe('bad')

    const back = await command(world, 'rollback', 'blog', '--reason', 'the page is broken')
    expect(back).toMatchObject({ code: 0, err: '' })
    expect(await live()).toBe('good')
    const [rollback] = await world.deployments('&app=blog')
    expect(rollback).toMatchObject({ trigger: 'rollback', askedBy: 'alice', note: 'the page is broken', steps: [] })

    const releases = (await command(world, 'releases', 'blog')).out.split('\n')
    expect(releases[1]).toMatch(new RegExp(`${(await revisionOf(world, bad)).slice(0, 12)}.* quarantined$`))
    expect(releases[2]).toMatch(new RegExp(`${(await revisionOf(world, good)).slice(0, 12)}.* live$`))

    const third = await world.ship({ page: 'third' })
    expect(await world.deployment(third)).toMatchObject({ state: 'queued', waitingFor: 'hold' })
    expect((await command(world, 'show', String(third))).out).toMatch(
      /blog is held at \S+ \(.*, by alice: the page is broken\)\. What ends it: deployhook unhold blog/,
    )
    expect((await command(world, 'unhold', 'blog')).out).toContain(`Next: deployment ${third}\n`)
    expect(await world.done(third)).toMatchObject({ outcome: 'succeeded' })
    expect(await live()).toBe('third')
  })

  it('deploys one commit in place by its first digits, which holds the app, until the tip is asked for', async () => {
    const world = await createWorld({ blog: { steps: ['cat page > ../seen'] } })
    const first = await world.ship({ page: '1' })
    await world.done(first)
    await world.done(await world.ship({ page: '2' }))

    const start = (await revisionOf(world, first)).slice(0, 7)
    expect((await command(world, 'deploy', 'blog', '--revision', start)).code).toBe(0)
    expect(await world.read('srv/seen')).toBe('1')
    const third = await world.ship({ page: '3' })
    expect(await world.deployment(third)).toMatchObject({ state: 'queued', waitingFor: 'hold' })

    expect((await command(world, 'deploy', 'blog')).code).toBe(0)
    expect(await world.read('srv/seen')).toBe('3')
    expect((await command(world, 'apps')).out).not.toContain('held')
    expect((await command(world, 'rollback', 'blog')).code).toBe(0)
    expect(await world.read('srv/seen')).toBe('1')
  })

  it('cancels what is live already, and has the release before it back although the daemon died meanwhile', async () => {
    const world = await createWorld({}, { start: false })
    const health = {
      command: `grep -q good page || { touch ${world.path('asked')}; exit 1; }`,
      retries: 1_000,
      interval: '50ms',
    }
    await world.configure({ blog: { strategy: 'releases', steps: ['true'], health } })
    await world.start({ DEPLOYHOOK_FAILPOINT: 'before-rollback' })
    await world.done(await world.ship({ page: 'good' }))
    const second = await world.ship({ page: 'bad' })
    await until('the health of the second to be asked', () => existsSync(world.path('asked')))
    expect(await world.read('srv/blog/current/page')).toBe('bad')
    await world.daemon.api(`/api/deployments/${second}/cancel`, { method: 'POST' }).catch(() => undefined)
    expect(await world.daemon.ended).toBe('SIGKILL')

    await world.start()
    expect(await world.done(second)).toMatchObject({
      outcome: 'cancelled',
      message: expect.stringContaining('is live again') as string,
    })
    expect(await world.read('srv/blog/current/page')).toBe('good')
  })

  it('freezes over two pushes, and unfreezing deploys the newest', async () => {
    const world = await createWorld({ blog: { steps: ['cat page >> ../seen'] } })
    expect((await command(world, 'freeze', '--all', '--until', '2h', '--reason', 'release day')).code).toBe(0)
    const first = await world.ship({ page: '1' })
    const second = await world.ship({ page: '2' })
    expect(await world.deployment(first)).toMatchObject({ outcome: 'superseded', supersededBy: second })
    expect(await world.deployment(second)).toMatchObject({ state: 'queued', waitingFor: 'freeze' })
    expect((await command(world, 'unfreeze', 'blog')).out).toMatch(
      /All apps are frozen until .* deployhook unfreeze --all/,
    )

    expect((await command(world, 'unfreeze', '--all')).code).toBe(0)
    expect(await world.done(second)).toMatchObject({ outcome: 'succeeded' })
    expect(await world.read('srv/seen')).toBe('2')
  })

  it('approves a push, and that commit is deployed although the branch has moved on', async () => {
    const world = await createWorld({ blog: { approve: true, steps: ['true'] } })
    const pushed = await world.ship({ page: '1' })
    expect(await world.deployment(pushed)).toMatchObject({ state: 'queued', waitingFor: 'approval' })
    const { requestedRevision } = await world.deployment(pushed)
    await world.repository().push({ page: '2' }) // which nothing has told of yet

    const approved = await command(world, 'approve', String(pushed))
    expect(approved).toMatchObject({ code: 0, err: '' })
    expect(approved.out).toContain(`is approved: ${String(requestedRevision).slice(0, 12)}`)
    expect(await world.done(pushed)).toMatchObject({
      outcome: 'succeeded',
      revision: requestedRevision,
      approvedBy: 'alice',
    })
    expect((await command(world, 'approve', String(pushed))).code).toBe(1)
  })
})
