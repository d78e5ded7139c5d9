import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, statfsSync, statSync, truncateSync, fsyncSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { script } from '../deploying.ts'
import { temporaryFolder } from '../running.ts'
import { createReleasing } from './releasing.ts'

const bigBytes = 4 * 2 ** 20

describe('a release on a file system with reflinks', () => {
  it('shares the blocks of large files with the one before it, and nothing that a step has changed', async (context) => {
    const world = await createReleasing()
    const why = mountXfs(world.path('srv/blog'))
    if (why !== null) return context.skip(why)
    const [big, changed] = [randomBytes(bigBytes / 2).toString('hex'), randomBytes(bigBytes / 2).toString('hex')]
    await world.repository.push({ 'assets/big': big, 'assets/changed': changed })
    const build = script(`printf X | dd of=assets/changed conv=notrunc status=none; chmod 600 assets/big`)
    expect(await world.ship(1, 'one', { adopt: true, steps: [build] })).toMatchObject({ outcome: 'succeeded' })
    const before = usedBytes(world.path('srv/blog'))

    expect(await world.ship(2, 'two', { adopt: true })).toMatchObject({ outcome: 'succeeded' })
    const live = world.path('srv/blog/current')
    expect(usedBytes(world.path('srv/blog')) - before).toBeLessThan(1.5 * bigBytes)
    expect(readFileSync(join(live, 'assets/big'), 'utf8') === big).toBe(true)
    expect(readFileSync(join(live, 'assets/changed'), 'utf8') === changed).toBe(true)
    expect(statSync(join(live, 'assets/big')).mode & 0o777).toBe(0o644)
  })
})

/** Why it cannot be done here; null: an XFS lies at `path` until the test has ended. */
function mountXfs(path: string): string | null {
  const image = join(temporaryFolder(), 'disk.img')
  closeSync(openSync(image, 'w'))
  truncateSync(image, 512 * 2 ** 20)
  mkdirSync(path, { recursive: true })
  for (const [command = '', ...args] of [
    ['mkfs.xfs', '-q', '-m', 'reflink=1', image],
    ['mount', '-o', 'loop', image, path],
  ]) {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
    if (status !== 0) return `${command}: ${error?.message ?? stderr.trim()}`
  }
  onTestFinished(() => {
    spawnSync('umount', ['-l', path])
  })
  return null
}

function usedBytes(path: string): number {
  const directory = openSync(path, 'r')
  fsyncSync(directory)
  closeSync(directory)
  spawnSync('sync', ['-f', path])
  const { blocks, bfree, bsize } = statfsSync(path)
  return (blocks - bfree) * bsize
}
