import { existsSync, readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import { describe, expect, it } from 'vitest'
import { openWorld, type World } from '../support/open-world.ts'
import { startDaemon } from '../support/daemon.ts'
import { until } from '../support/until.ts'

const holder = fileURLToPath(new URL('../support/socket-holder.ts', import.meta.url))

/** A daemon on a socket that somebody else opened and holds: `TCP`, or the path of a Unix one. */
async function startOnHeldSocket(world: World, hold: string) {
  world.daemon = await startDaemon({
    config: world.path('deploy.yml'),
    state: world.path('state'),
    socket: world.path('control.sock'),
    program: holder,
    env: { HOLD: hold },
  })
  const pids = () => world.daemon.log.flatMap(({ pid, msg }) => (msg === undefined ? [Number(pid)] : []))
  const listening = () => world.daemon.log.filter(({ msg }) => msg === 'listening').length
  return {
    pid: () => pids().at(-1) ?? 0,
    /** Resolves when it is dead, long before the next one listens. */
    async kill() {
      const before = listening()
      const pid = pids().at(-1) ?? 0
      process.kill(pid, 'SIGKILL')
      await until('the daemon to be dead', () => !existsSync(`/proc/${pid}`))
      return { isBack: () => until('the next daemon to listen', () => listening() > before) }
    },
    async [Symbol.asyncDispose]() {
      process.kill(pids().at(-1) ?? 0, 'SIGTERM')
      await world.daemon.ended
    },
  }
}

describe('a socket of systemd', () => {
  it('keeps pushes that come while no daemon is there: none is refused, all are taken by the next', async () => {
    await using world = await openWorld({ blog: { steps: ['true'] } }, { start: false })
    await using daemon = await startOnHeldSocket(world, '')
    for (const round of ['one', 'two', 'three']) {
      const pushed = await world.repository().push({ 'index.html': round })
      const { isBack } = await daemon.kill()
      const answers = await Promise.all(Array.from({ length: 8 }, () => world.deliver(pushed, { id: round })))
      const results = answers.map(({ body }) => (body as { result: string }).result)
      expect(results.toSorted()).toEqual(['accepted', ...Array.from({ length: 7 }, () => 'duplicate')])
      await isBack()
    }
  })

  it('may be a Unix one, whose path is told', async () => {
    await using world = await openWorld({ blog: { steps: ['true'] } }, { start: false })
    const path = world.path('public.sock')
    await using daemon = await startOnHeldSocket(world, path)
    expect(readlinkSync(`/proc/${daemon.pid()}/fd/3`)).toMatch(/^socket:/)
    expect(world.daemon.address).toBe(`unix:${path}`)
    const dispatcher = new Agent({ connect: { socketPath: path } })
    expect((await request('http://localhost/healthz', { dispatcher })).statusCode).toBe(200)
    await dispatcher.close()
  })

  it('is not handed on to steps', async () => {
    await using world = await openWorld({ blog: { steps: ['ls -l /proc/self/fd'] } }, { start: false })
    await using daemon = await startOnHeldSocket(world, '')
    const held = readlinkSync(`/proc/${daemon.pid()}/fd/3`)
    expect(held).toMatch(/^socket:/)
    const id = await world.ship({ 'index.html': 'one' })
    expect(await world.done(id)).toMatchObject({ outcome: 'succeeded' })
    const log = (await world.daemon.api(`/api/deployments/${id}/log`)).text
    expect(log).toContain('/proc/')
    expect(log).not.toContain(held)
  })
})
