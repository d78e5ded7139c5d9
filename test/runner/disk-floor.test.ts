import { describe, expect, it } from 'vitest'
import { createDiskFloor } from '../../src/runner/disk-floor.ts'
import { createDeploying, script } from './deploying.ts'

const GiB = 2 ** 30

/** A disk of that size, in blocks of 4 KiB. */
function disk({ size = 100 * GiB, free = 50 * GiB, files = 1_000_000, freeFiles = 500_000 }) {
  return { dev: 1, bsize: 4096, blocks: size / 4096, bavail: free / 4096, files, ffree: freeFiles }
}

function floorOver(first: ReturnType<typeof disk>, minFreeBytes: number | null = null) {
  const state = { disk: first, rooms: 0 }
  const floor = createDiskFloor({
    minFreeBytes: () => minFreeBytes,
    makeRoom: () => {
      state.rooms++
      return Promise.resolve()
    },
    everyMs: 5,
    statDisk: (path) =>
      path.endsWith('missing')
        ? Promise.reject(Object.assign(new Error(), { code: 'ENOENT' }))
        : Promise.resolve(state.disk),
  })
  return { floor, state }
}

describe('the floor', () => {
  it.each([
    ['1 GiB of a large disk', disk({ free: GiB - 4096 }), null, '1024 MiB free, less than the 1 GiB'],
    ['5 % of a small disk', disk({ size: GiB, free: 40 * 2 ** 20 }), null, '40 MiB free, less than the 51.2 MiB'],
    ['what server.min_free says', disk({ free: 2 * GiB }), 3 * GiB, '2 GiB free, less than the 3 GiB'],
    ['10,000 files', disk({ freeFiles: 9_999 }), null, 'room for 9999 more files, less than the 10000'],
    ['5 % of the files of a small disk', disk({ files: 1000, freeFiles: 49 }), null, '49 more files, less than the 50'],
  ])('is %s', async (_, low, minFree, told) => {
    const [problem] = await floorOver(low, minFree).floor.problems(['/srv/blog'])
    expect(problem).toContain('the disk that /srv/blog lies on has')
    expect(problem).toContain(told)
  })

  it.each([
    ['there is more', disk({ free: GiB }), null],
    ['there is none', disk({ free: 0, freeFiles: 0 }), 0],
    ['the file system counts no inodes', disk({ files: 0, freeFiles: 0 }), null],
  ])('is kept when %s', async (_, enough, minFree) => {
    expect(await floorOver(enough, minFree).floor.problems(['/srv/blog', '/var'])).toEqual([])
  })

  it('of a path that is not there yet is that of the directory it will be in', async () => {
    expect(await floorOver(disk({ free: 0 })).floor.problems(['/srv/blog/missing'])).toHaveLength(1)
  })

  it('is told once of a disk, however many paths lie on it', async () => {
    expect(await floorOver(disk({ free: 0 })).floor.problems(['/srv/blog', '/srv/docs'])).toEqual([
      expect.stringContaining('/srv/blog lies on'),
    ])
  })

  it('knows the real disk', async () => {
    const floor = createDiskFloor({ minFreeBytes: () => 2 ** 50, makeRoom: () => Promise.resolve(), everyMs: 1000 })
    expect(await floor.problems(['/'])).toHaveLength(1)
  })
})

describe('a deployment', () => {
  it('is refused when there is no room, after what can be forgotten has been', async () => {
    const { floor, state } = floorOver(disk({ free: 0 }))
    const world = createDeploying({ floor })
    const result = await world.deploy([script('echo ran')])
    expect(result).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
    expect(result.message).toContain('the fetch was not started: the disk that')
    expect(state.rooms).toBe(1)
    expect(world.told).toEqual([])
  })

  it('goes on when forgetting made room', async () => {
    const { floor, state } = floorOver(disk({ free: 0 }))
    const roomy = { ...floor, roomFor: (paths: readonly string[]) => ((state.disk = disk({})), floor.roomFor(paths)) }
    expect(await createDeploying({ floor: roomy }).deploy([script('echo ran')])).toMatchObject({ outcome: 'succeeded' })
  })

  it.each([
    ['the checkout', 'fetch'],
    ['step 1/2 (echo one)', 'checkout'],
  ])('does not begin %s without room', async (what, after) => {
    const { floor, state } = floorOver(disk({}))
    const world = createDeploying({
      floor,
      onTold: (line) => {
        if (line.startsWith(after)) state.disk = disk({ free: 0 })
      },
    })
    const result = await world.deploy([script('echo one'), script('echo two')])
    expect(result.reason).toBe('disk_full')
    expect(result.message).toContain(`${what} was not started`)
    expect(world.output()).toBe('')
  })

  it('is ended in a step that has used up half of what is to be left free', async () => {
    const { floor, state } = floorOver(disk({ free: GiB }))
    const world = createDeploying({
      floor,
      onOutput: (_, text) => {
        state.disk = disk({ free: (text.startsWith('half') ? 0.6 : 0.4) * GiB })
      },
    })
    const result = await world.deploy([script('echo half; sleep 0.2; echo most; sleep 1000')])
    expect(result).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
    expect(result.message).toContain('step 1/1 (echo half; sleep 0.2; echo most; sleep 1000) was ended: the disk that')
    expect(world.output()).toBe('half\nmost\n')
  })

  it('whose step fails on a full disk has failed for want of room, also where there is no floor', async () => {
    const { floor, state } = floorOver(disk({}), 0)
    const world = createDeploying({ floor, onOutput: () => (state.disk = disk({ free: 4096 })) })
    const result = await world.deploy([script('echo x; exit 1')])
    expect(result).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
    expect(result.message).toMatch(/failed with exit code 1; the disk that .* lies on/)
  })

  it.each(['ENOSPC', 'EDQUOT'])('that meets %s in a file of the daemon has failed for want of room', async (code) => {
    const { floor } = floorOver(disk({}))
    const error = Object.assign(new Error(`${code}: no room for a file`), { code })
    const world = createDeploying({ floor, workspace: { checkout: () => Promise.reject(error) } })
    const result = await world.deploy([script('echo x')])
    expect(result).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
    expect(result.message).toContain('make room')
  })
})
