import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { errorCode } from '../../src/lib/error-code.ts'
import { createSmallDisk, hindrance } from '../soak/small-disk.ts'
import { until } from '../support/until.ts'
import { createWorld } from '../support/world.ts'

const hasStrace = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true']).status === 0

describe.skipIf(!hasStrace)('a disk that fails to sync (needs strace)', () => {
  it('is answered 503; the daemon ends, to be started again, and what it had answered 202 for is there', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    const first = await world.ship({ f: '1' })
    await world.done(first)
    const pushed = await world.repository().push({ f: '2' })
    const { daemon } = world
    failSyncsOf(daemon.pid)
    await until('strace to be there', () =>
      /^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${daemon.pid}/status`, 'utf8')),
    )

    expect(await world.deliver(pushed, { id: 'two' })).toMatchObject({ status: 503 })
    expect(await daemon.ended).toBe(1)

    await world.start()
    expect(await world.deployment(first)).toMatchObject({ outcome: 'succeeded' })
    const { status } = await world.deliver(pushed, { id: 'two' })
    expect([200, 202]).toContain(status) // 200: the disk had it after all, and it is deployed
    await until('the second push to be live', async () =>
      (await world.deployments()).some(({ id, outcome }) => id > first && outcome === 'succeeded'),
    )
  })
})

const canMount =
  process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0

describe.skipIf(!canMount)('a full disk (needs to mount a small one)', () => {
  it('is answered 503 while it is full, and mends by itself when there is room', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    mkdirSync(world.path('state'))
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=700', 'none', world.path('state')]).status).toBe(0)
    onTestFinished(() => void spawnSync('umount', ['-l', world.path('state')]))
    const { pid, address } = await world.start()
    await world.done(await world.ship({ f: '1' }))
    const pushed = await world.repository().push({ f: '2' })
    fill(world.path('state', 'filler'))

    expect(await world.deliver(pushed)).toMatchObject({ status: 503 })
    expect((await fetch(`${address}/readyz`)).status).toBe(503)
    rmSync(world.path('state', 'filler'))

    const { body } = await until('a push to be kept', async () => {
      const answer = await world.deliver(pushed)
      return answer.status === 202 && answer
    })
    const [deployment] = (body as { deployments: { id: number }[] }).deployments
    expect(await world.done(deployment?.id ?? 0)).toMatchObject({ outcome: 'succeeded' })
    expect(world.daemon.pid).toBe(pid)
  })
})

describe.skipIf(hindrance('ext4') !== null)('a disk that turns read-only after an error (needs ext4 on a loop)', () => {
  it('is answered 503; no start gives up while it is so; once it is mended all is there and goes on', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    const disk = createSmallDisk('ext4')
    onTestFinished(() => {
      disk.remove()
    })
    mkdirSync(world.path('state'))
    disk.showAt('state', world.path('state'))
    const { address } = await world.start()
    const first = await world.ship({ f: '1' })
    await world.done(first)
    const pushed = await world.repository().push({ f: '2' })
    disk.turnReadOnly()

    expect(await world.deliver(pushed, { id: 'two' })).toMatchObject({ status: 503, retryAfter: '10' })
    expect((await fetch(`${address}/readyz`)).status).toBe(503)
    expect((await fetch(`${address}/healthz`)).status).toBe(200) // its being started again would mend nothing
    world.daemon.kill('SIGKILL')
    await world.daemon.ended
    // 1: systemd is to try again. 78 would be the last one.
    await expect(world.start()).rejects.toThrow(/ended \(1\).*read-only.*how its disk is mounted/s)

    disk.mend()
    await world.start()
    expect(await world.deployment(first)).toMatchObject({ outcome: 'succeeded' })
    const { status, body } = await world.deliver(pushed, { id: 'two' })
    expect(status).toBe(202)
    const [deployment] = (body as { deployments: { id: number }[] }).deployments
    expect(await world.done(deployment?.id ?? 0)).toMatchObject({ outcome: 'succeeded' })
  })
})

/** Until it ends: every fsync of that process fails, as on a broken disk. */
function failSyncsOf(pid: number): void {
  const what = ['-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO']
  const strace = spawn('strace', ['-f', '-qq', '-o', '/dev/null', ...what, '-p', String(pid)], { stdio: 'ignore' })
  onTestFinished(() => void strace.kill())
}

/** Writes to `file` until the disk holds no more. */
function fill(file: string): void {
  const handle = openSync(file, 'w')
  try {
    for (;;) writeSync(handle, Buffer.alloc(4096))
  } catch (error) {
    if (errorCode(error) !== 'ENOSPC') throw error
  } finally {
    closeSync(handle)
  }
}
