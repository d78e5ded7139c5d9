import { createServer } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../support/until.ts'
import { createWorld, gate, processesOf, type World } from '../support/world.ts'

async function cancel(world: World, id: number): Promise<number> {
  return (await world.daemon.api(`/api/deployments/${id}/cancel`, { method: 'POST' })).status
}

/** A remote that takes the connection and never says a word. */
async function silentRemote(): Promise<{ readonly url: string; readonly asked: Promise<unknown> }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets: { destroy(): void }[] = []
  server.on('connection', (socket) => sockets.push(socket))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return { url: `ssh://git@127.0.0.1:${port}/acme/blog.git`, asked: once(server, 'connection') }
}

/** `blog` has been fetching for ever when `shop`, of the same repository, came to wait for the mirror. */
async function waitingWorld(shop: { readonly timeout?: string }) {
  const remote = await silentRemote()
  const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
  const entry = { repo: remote.url, steps: ['true'] }
  await world.configure({
    blog: { ...entry, concurrency_group: 'blog' },
    shop: { ...entry, ...shop, concurrency_group: 'shop' },
  })
  await world.start()
  const deploy = async (app: string) =>
    (await world.daemon.api(`/api/apps/${app}/deploy`, { method: 'POST' })).body as { deployment: { id: number } }
  await deploy('blog')
  await remote.asked
  const { deployment } = await deploy('shop')
  await until('its turn', async () =>
    (await world.daemon.api(`/api/deployments/${deployment.id}/log`)).text.includes('fetching main'),
  )
  return { world, waiting: deployment.id }
}

describe('cancelling', () => {
  it('ends a queued deployment at once', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [build.step] } })
    await world.start()
    const first = await world.ship({ f: '1' })
    await build.reached()
    const second = await world.ship({ f: '2' })

    expect(await cancel(world, second)).toBe(202)
    expect(await world.deployment(second)).toMatchObject({ state: 'done', outcome: 'cancelled', attempts: 0 })
    await build.open()
    expect(await world.done(first)).toMatchObject({ outcome: 'succeeded' })
  })

  it('ends a running step and everything it started, and the next deployment runs', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [`sleep 1000 & setsid sleep 1000 & ${build.step}`] } })
    await world.start()
    const first = await world.ship({ f: '1' })
    await build.reached()

    expect(await cancel(world, first)).toBe(202)
    expect(await world.done(first)).toMatchObject({ outcome: 'cancelled' })
    expect(processesOf(world.dir).filter(({ command }) => command.includes('sleep'))).toEqual([])

    await build.open()
    const second = await world.ship({ f: '2' })
    expect(await world.done(second)).toMatchObject({ outcome: 'succeeded' })
  })

  it('ends a fetch from a remote that never answers', async () => {
    const remote = await silentRemote()
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    await world.configure({ blog: { repo: remote.url, steps: ['true'] } })
    await world.start()
    await world.deliver(await world.repository().push({ f: '1' }))
    await remote.asked

    expect(await cancel(world, 1)).toBe(202)
    expect(await world.done(1)).toMatchObject({ outcome: 'cancelled', steps: [] })
  })

  it('ends one that waits for another to fetch from the same repository', async () => {
    const { world, waiting } = await waitingWorld({})
    expect(await cancel(world, waiting)).toBe(202)
    expect(await world.done(waiting)).toMatchObject({ outcome: 'cancelled', message: 'cancelled during the fetch' })
    expect(await world.deployment(1)).toMatchObject({ state: 'running' })
    await cancel(world, 1)
    await world.done(1)
  })

  it('is refused for a deployment that is done, and for one that never was', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    const id = await world.ship({ f: '1' })
    await world.done(id)
    expect(await cancel(world, id)).toBe(409)
    expect(await cancel(world, 99)).toBe(404)
  })
})

describe('the time limit', () => {
  it('ends a deployment that waits for another to fetch from the same repository', async () => {
    const { world, waiting } = await waitingWorld({ timeout: '2s' })
    expect(await world.done(waiting)).toMatchObject({
      outcome: 'timed_out',
      reason: 'timeout',
      message: 'ended during the fetch: the deployment took longer than its limit of 2s (timeout of the app)',
    })
    expect(await world.deployment(1)).toMatchObject({ state: 'running' })
    await cancel(world, 1)
    await world.done(1)
  })

  it('ends a step that takes longer than the deployment may', async () => {
    const world = await createWorld({ blog: { timeout: '1s', steps: ['sleep 1000'] } })
    const id = await world.ship({ f: '1' })
    expect(await world.done(id)).toMatchObject({ outcome: 'timed_out' })
  })

  it('ends a fetch that takes longer than the deployment may', async () => {
    const remote = await silentRemote()
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    await world.configure({ blog: { repo: remote.url, timeout: '1s', steps: ['true'] } })
    await world.start()
    await world.deliver(await world.repository().push({ f: '1' }))
    expect(await world.done(1)).toMatchObject({ outcome: 'timed_out', steps: [] })
  })

  it('of a step shortens that of the deployment', async () => {
    const world = await createWorld({ blog: { steps: [{ run: 'sleep 1000', timeout: '500ms' }] } })
    const id = await world.ship({ f: '1' })
    expect(await world.done(id)).toMatchObject({ outcome: 'timed_out', steps: [{ name: 'sleep 1000' }] })
  })
})

describe('shutdown', () => {
  it('still answers pushes while a step runs, lets it end, and starts nothing new', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [build.step] }, shop: { repository: 'acme/shop', steps: ['true'] } })
    const daemon = await world.start()
    const first = await world.ship({ f: '1' })
    await build.reached()

    daemon.kill('SIGTERM')
    await expect.poll(async () => (await daemon.api('/readyz')).status).toBe(503)
    const second = await world.ship({ f: '2' }, 'acme/shop')
    expect(await world.deployment(second)).toMatchObject({ state: 'queued' })
    await build.open()
    expect(await daemon.ended).toBe(0)

    await world.start()
    expect(await world.deployment(first)).toMatchObject({ outcome: 'succeeded', attempts: 1 })
    expect(await world.done(second)).toMatchObject({ outcome: 'succeeded', attempts: 1 })
  })

  it('at the second SIGTERM interrupts what runs and queues it again', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [build.step] } })
    const daemon = await world.start()
    const id = await world.ship({ f: '1' })
    await build.reached()

    daemon.kill('SIGTERM')
    await expect.poll(async () => (await daemon.api('/readyz')).status).toBe(503)
    daemon.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
    expect(processesOf(world.dir)).toEqual([])

    await build.open()
    await world.start()
    expect(await world.done(id)).toMatchObject({ outcome: 'succeeded', attempts: 2, trigger: 'push' })
  })

  it('at the second SIGTERM ends for good what on_interrupt: stop says must not run twice', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { on_interrupt: 'stop', steps: [build.step] } })
    const daemon = await world.start()
    const id = await world.ship({ f: '1' })
    await build.reached()
    daemon.kill('SIGTERM')
    await expect.poll(async () => (await daemon.api('/readyz')).status).toBe(503)
    daemon.kill('SIGTERM')
    await daemon.ended

    await world.start()
    expect(await world.done(id)).toMatchObject({ outcome: 'interrupted', attempts: 1 })
  })
})
