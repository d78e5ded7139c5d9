import { rename } from 'node:fs/promises'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Deployment } from '../../src/model/deployment.ts'
import { listening } from '../reporters/sink.ts'
import { caughtUp } from '../support/caught-up.ts'
import { until } from '../support/until.ts'
import { createWorld, type World } from '../support/world.ts'

/** The newest deployment of an app once it is done. */
function ended(world: World, app: string, id = 0): Promise<Deployment> {
  return until(`a deployment of ${app} after ${id} to be done`, async () => {
    const [newest] = await world.deployments(`&app=${app}`)
    return newest !== undefined && newest.id > id && newest.state === 'done' && newest
  })
}

async function stop(world: World): Promise<void> {
  world.daemon.kill('SIGTERM')
  await world.daemon.ended
}

describe('what is pushed while the daemon is down', () => {
  it('is live soon after it has started, of each app that is behind and no other', async () => {
    const app = { catch_up: '5m', steps: ['true'] }
    const world = await createWorld({
      blog: app,
      docs: { ...app, repository: 'acme/docs' },
      shop: { ...app, repository: 'acme/shop', tags: ['v*'] },
      left: { ...app, repository: 'acme/docs', catch_up: 'off' },
    })
    await caughtUp(world)
    await world.done(await world.ship({ f: '1' }))
    const tagged = await world.repository('acme/shop').push({ f: '1' })
    const tag = async (name: string): Promise<string> =>
      world.repository('acme/shop').git('push', '-q', 'origin', `HEAD:refs/tags/${name}`)
    await tag('v1')
    await world.deliver({ ...tagged, ref: 'refs/tags/v1' }, { repository: 'acme/shop' })
    await world.done(2)
    await stop(world)

    const blog = await world.repository().push({ f: '2' })
    const docs = await world.repository('acme/docs').push({ f: '2' })
    await world.start()
    expect(await ended(world, 'blog', 1)).toMatchObject({
      ...{ outcome: 'succeeded', trigger: 'catch-up', requestedRevision: blog.after, revision: blog.after },
    })
    expect(await ended(world, 'docs')).toMatchObject({ outcome: 'succeeded', revision: docs.after, delivery: null })
    expect(await world.read('srv/docs/f')).toBe('2')

    // The tags that were there at first sight are not new; of those pushed since, the highest is.
    await stop(world)
    await world.repository('acme/shop').push({ f: '2' })
    await tag('v9')
    await tag('v10')
    await world.start()
    expect(await ended(world, 'shop', 2)).toMatchObject({ outcome: 'succeeded', ref: 'refs/tags/v10' })
    expect((await world.deployments()).map(({ app: name }) => name).sort()).toEqual([
      'blog',
      'blog',
      'docs',
      'shop',
      'shop',
    ])
  })
})

describe('what is pushed without a webhook', () => {
  it('is live after one interval, and a commit that failed is left to the next push', async () => {
    const world = await createWorld({ blog: { catch_up: '1s', skip: ['[skip]'], steps: ['test ! -e broken'] } })
    await world.repository().push({ f: '1' })
    expect(await ended(world, 'blog')).toMatchObject({ outcome: 'succeeded', trigger: 'catch-up' })

    await world.repository().push({ broken: '' })
    expect(await ended(world, 'blog', 1)).toMatchObject({ outcome: 'failed', reason: 'step_failed' })
    const asked = await askedAgain(world)
    await askedAgain(world, asked)
    expect(await world.deployments()).toHaveLength(2)

    await world.repository().git('rm', '-q', 'broken')
    await world.repository().push({ f: '2' })
    expect(await ended(world, 'blog', 2)).toMatchObject({ outcome: 'succeeded' })
  })
})

describe('a remote that does not answer', () => {
  it('is told of everywhere, and what was pushed meanwhile is deployed once it does again', async () => {
    const world = await createWorld({ blog: { catch_up: '1s', steps: ['true'] } })
    const { bare } = world.repository()
    const first = await world.repository().push({ f: '1' })
    await ended(world, 'blog')
    await rename(bare, `${bare}.away`)

    const failing = await until('the state of the app to say so', async () => {
      const { catchUp } = await blogOf(world)
      return catchUp.failing !== null && catchUp.failing.times >= 2 && catchUp
    })
    expect(failing.failing).toMatchObject({ reason: 'not_found', message: expect.stringContaining(bare) as string })
    expect((await world.daemon.api('/readyz')).body).toMatchObject({ status: 'ready', warnings: ['catch_up_failing'] })
    expect((await world.daemon.api('/metrics')).text).toMatch(/deployhook_catch_up_failures\{app="blog"\} [2-9]/)
    expect((await world.daemon.api('/api/explain?subject=blog')).text).toContain('Catch-up has asked in vain')

    await rename(`${bare}.away`, bare)
    const second = await world.repository().push({ f: '2' })
    expect(second.before).toBe(first.after)
    expect(await ended(world, 'blog', 1)).toMatchObject({ outcome: 'succeeded', revision: second.after })
    expect((await blogOf(world)).catchUp).toMatchObject({ failing: null })
    expect((await world.daemon.api('/readyz')).body).toMatchObject({ warnings: [] })
  })
})

describe('a host that accepts and never answers', () => {
  it('is asked for 4 of its 20 repositories at a time, while deliveries are answered and deployed as ever', async () => {
    const host = await startHangingHost()
    const blog = { steps: ['true'] }
    const world = await createWorld({ blog })
    const hung = Array.from({ length: 20 }, (_, n) => {
      const repo = `https://127.0.0.1:${host.port}/acme/hung-${n}.git`
      return [`hung-${n}`, { repo, aliases: [`github.com/acme/hung-${n}`], steps: ['true'], catch_up: '5m' }] as const
    })
    await world.configure({ blog, ...Object.fromEntries(hung) })
    await until('the host to be asked', () => host.open() === 4)

    const pushed = await world.repository().push({ f: '1' })
    for (let deliveries = 0; deliveries < 20; deliveries++) {
      const startedAt = performance.now()
      expect((await world.deliver(pushed)).status).toBe(202)
      expect(performance.now() - startedAt).toBeLessThan(2_000)
    }
    await until('it to be live', async () => (await world.read('srv/blog/f').catch(() => '')) === '1')
    expect([host.open(), host.mostOpen()]).toEqual([4, 4])
    await stop(world)
    await until('the questions to be given up', () => host.open() === 0)
  })
})

/** Counts the connections that it holds. */
async function startHangingHost() {
  let [open, mostOpen] = [0, 0]
  const server = createServer((socket) => {
    mostOpen = Math.max(mostOpen, ++open)
    socket.on('error', () => undefined).on('close', () => open--)
    socket.resume()
  })
  return { port: await listening(server), open: () => open, mostOpen: () => mostOpen }
}

type AppWithCatchUp = {
  readonly catchUp: {
    readonly answeredAt: string | null
    readonly failing: { readonly times: number; readonly reason: string; readonly message: string } | null
  }
}

async function blogOf(world: World): Promise<AppWithCatchUp> {
  const { apps } = (await world.daemon.api('/api/apps')).body as { apps: readonly AppWithCatchUp[] }
  return apps[0] ?? expect.fail('there is no app')
}

/** When the remote answered, after `earlier`. */
function askedAgain(world: World, earlier = new Date().toISOString()): Promise<string> {
  return until('the remote to be asked again', async () => {
    const { answeredAt } = (await blogOf(world)).catchUp
    return answeredAt !== null && answeredAt > earlier && answeredAt
  })
}
