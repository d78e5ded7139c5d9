import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { noFloor } from '../../../src/runner/disk-floor.ts'
import { script } from '../deploying.ts'
import { createReleasing } from './releasing.ts'

const full = 'the disk is full'

describe('the way back', () => {
  it('is taken when what was activated is not there any more', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const good = world.current()
    const activate = [script('[ "$(cat page)" = one ] || rm -rf "$PWD"')]
    expect(await world.ship(2, 'two', { activate })).toMatchObject({ outcome: 'rolled_back', reason: 'tree_missing' })
    expect(world.current()).toBe(good)
  })

  it('is taken when deployhook itself fails after the switch', async () => {
    const world = await createReleasing({ failPoint: failAt('after-switch', 2) })
    await world.ship(1, 'one')
    const good = world.current()
    expect(await world.ship(2, 'two')).toMatchObject({
      ...{ outcome: 'rolled_back', reason: 'internal_error' },
      message: expect.stringContaining('deployhook itself failed at this (planned)') as string,
    })
    expect(world.current()).toBe(good)
  })

  it.each([
    ['EMFILE', 'resources_short'],
    ['EIO', 'disk_failed'],
    ['ENOSPC', 'disk_full'],
  ])('names the machine where that is to blame, by %s', async (code, reason) => {
    const world = await createReleasing({
      failPoint: failAt('after-switch', 2, Object.assign(new Error(code), { code })),
    })
    await world.ship(1, 'one')
    const result = await world.ship(2, 'two')
    expect(result).toMatchObject({ outcome: 'rolled_back', reason })
    expect(result.message).toContain(`(${code})`)
  })

  it('needs no room on the disk: a release may have filled it', async () => {
    let isFull = false
    const floor = { ...noFloor, roomFor: () => Promise.resolve(isFull ? full : null) }
    const world = await createReleasing({ floor })
    await world.ship(1, 'one')
    const [good = ''] = world.releases()
    await world.ship(2, 'two')
    isFull = true
    const target = { kind: 'release', name: good } as const
    const activate = [script('cat page')]
    expect(await world.deploy(3, { activate }, { target })).toMatchObject({ outcome: 'succeeded' })
    expect(world.output()).toBe('one')
    expect(await world.ship(4, 'three')).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
  })

  it('is not used up by releases that were never well', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one', { keep: 1 })
    await world.ship(2, 'two', { keep: 1 })
    const good = world.releases()
    for (const id of [3, 4, 5])
      expect(await world.ship(id, `sick ${id}`, { keep: 1, activate: [script('! grep sick page')] })).toMatchObject({
        outcome: 'rolled_back',
      })
    expect(world.releases()).toEqual(expect.arrayContaining([...good]))
    expect(world.releases().length).toBeLessThanOrEqual(3)
  })

  it('leads to the releases of a path that deploy.yml had in between given up', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    await world.ship(2, 'two')
    const elsewhere = { path: world.path('srv/other') }
    await world.ship(3, 'three', elsewhere)
    await world.ship(4, 'four')
    expect(await world.runner.releases(world.app({ strategy: 'releases' }))).toHaveLength(3)
  })

  it('of an app in place is told by its revision', async () => {
    const world = await createReleasing()
    const app = { strategy: 'in-place' as const }
    await world.ship(1, 'one', app)
    const revision = world.told.find((line) => line.startsWith('revision ')) ?? ''
    await world.ship(2, 'two', app)
    const target = { kind: 'earlier', revision: await world.fetchTip(world.app()) } as const
    await world.ship(3, 'three', app)
    expect(await world.deploy(4, app, { target })).toMatchObject({ outcome: 'succeeded' })
    expect(world.told.findLast((line) => line.startsWith('revision '))).toBe(`revision ${target.revision.slice(0, 12)}`)
    expect(revision).not.toContain(target.revision.slice(0, 12))
  })
})

describe('what stands where a part of the layout belongs', () => {
  it.each([
    ['current', 'is not a symbolic link', mkdirSync],
    ['releases', 'is not a directory', makeFile],
    ['shared', 'is not a directory', makeFile],
  ])('is found before anything is built: %s', async (part, told, make) => {
    const world = await createReleasing()
    mkdirSync(world.path('srv/blog'), { recursive: true })
    make(world.path('srv/blog', part))
    const result = await world.ship(1, 'one', { steps: [script('echo built')] })
    expect(result).toMatchObject({ outcome: 'failed', reason: 'path_unusable' })
    expect(result.message).toContain(`${world.path('srv/blog', part)} ${told}`)
    expect(world.output()).toBe('')

    rmSync(world.path('srv/blog', part), { recursive: true })
    expect(await world.ship(2, 'two')).toMatchObject({ outcome: 'succeeded' })
  })
})

describe('a preview', () => {
  it('that fails in a way nobody expected fails the deployment, not the daemon', async () => {
    const world = await createReleasing({ failPoint: failAt('in-step', 1) })
    const check = { probe: { kind: 'tcp' as const, host: '127.0.0.1', port: 1 }, preview: true }
    const times = { timeoutMs: 50, intervalMs: 10, retries: 100_000 }
    await world.repository.push({ page: 'one' })
    const app = { preview: script('echo up; sleep 1000'), health: [{ ...check, ...times }] }
    await expect(world.deploy(1, app)).rejects.toThrow('planned')
  })
})

/** Throws at the named point, the `nth` time that it is passed. */
function failAt(name: string, nth: number, error = new Error('planned')): (passed: string) => void {
  let times = 0
  return (passed) => {
    if (passed === name && (times += 1) === nth) throw error
  }
}

function makeFile(path: string): void {
  writeFileSync(path, '')
}
