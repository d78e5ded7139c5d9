import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createWorld, type World } from '../support/world.ts'
import { until } from '../support/until.ts'

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0

/** Leaves the daemon so many more open files; what is open stays open. */
function allowFiles({ daemon: { pid } }: World, more: number): void {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  const free = Array.from({ length: 1024 }, (_, number) => number).filter((number) => !open.has(number))
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${free[more] ?? 1024}:4096`])
}

describe.skipIf(!hasPrlimit)('a daemon that may open no further file (needs prlimit)', () => {
  it('lives, fails the deployment or answers 503, and works again when it may', async () => {
    const world = await createWorld({ blog: { steps: ['cat index.html > shown'] } })
    await world.done(await world.ship({ 'index.html': 'v1' }))
    const pushed = await world.repository().push({ 'index.html': 'v2' })

    // Enough to take the delivery in, not enough for git.
    allowFiles(world, 5)
    const { status } = await world.deliver(pushed)
    expect([202, 503]).toContain(status)
    await until(
      'the deployment to end',
      () => status === 503 || world.daemon.log.filter(({ msg }) => msg === 'deployment ended').length === 2,
    )

    allowFiles(world, 10_000)
    const next = await world.ship({ 'index.html': 'v3' })
    expect(await world.done(next)).toMatchObject({ outcome: 'succeeded' })
    if (status === 202)
      expect(await world.deployment(2)).toMatchObject({
        ...{ outcome: 'failed', reason: 'resources_short' },
        message: expect.stringContaining('short of open files') as string,
      })
  })

  it('takes in a large delivery, which it would have a thread of its own read', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } })
    await world.done(await world.ship({ 'index.html': 'v1' }))
    const pushed = await world.repository().push({ 'index.html': 'v2' })

    allowFiles(world, 6)
    expect(await world.deliver(pushed, { message: 'x'.repeat(900_000) })).toMatchObject({ status: 202 })
  })
})
