import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ReleaseOptions } from '../../src/runner/workspace.ts'
import type { Job } from '../../src/runner/runner.ts'
import { createDeploying, script, type World } from './deploying.ts'

/** Without root there is no other user to run steps as. */
const isRoot = process.getuid?.() === 0

describe.skipIf(!isRoot)('a release of another user (only root can run steps as one)', () => {
  it('belongs to that user, as what it shares; where it lies, and what leads to it, belong to root', async () => {
    const world = openWorld()
    const made = await ship(world, 'stat -c "%U %a" . page; stat -c "%U" link; touch data/kept')
    expect(made, world.output()).toMatchObject({ outcome: 'succeeded' })
    expect(world.output()).toMatch(/^nobody 755\nnobody 644\nnobody\n$/)
    expect(ownersOf(world, ['.', 'releases', 'shared', 'shared/deep'])).toEqual(['0 755', '0 755', '0 755', '0 755'])
    expect(ownersOf(world, ['shared/data', 'shared/deep/logs'])).toEqual(['65534 755', '65534 755'])
    expect(statSync(join(world.tree, 'shared/.env')).mode & 0o777).toBe(0o600)
    expect(statSync(join(world.tree, '../of-root')).uid).toBe(0) // what `link` of the repository leads to
  })

  it('cannot switch current, nor exchange a release or what is shared', async () => {
    const world = openWorld()
    const text = ['ln -sfn /etc ../../current', 'mv ../../shared/data ../../shared/else', 'mv "$PWD" ../taken']
    await ship(world, text.map((line) => `if ${line} 2>/dev/null; then echo "could ${line}"; fi`).join('\n'))
    expect(world.output()).toBe('')
    expect(readlinkSync(join(world.tree, 'current'))).toMatch(/^releases\//)
  })

  it('is removed without a touch of what its user’s links lead to', async () => {
    const world = openWorld()
    const outside = join(dirname(world.tree), 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'precious'), 'kept')
    const plant = `ln -s ${outside} planted; ln -s ${outside}/precious file; mkdir -p a/b; ln -s ${outside} a/b/deep; chmod 0 a`
    for (const id of [1, 2, 3]) await ship(world, plant, { keep: 0, id })
    expect(readdirSync(join(world.tree, 'releases'))).toHaveLength(2)
    expect(readdirSync(outside)).toEqual(['precious'])
  })

  it('has no repository, so that git says plainly that there is none', async () => {
    const world = openWorld()
    await ship(world, 'git describe || true; echo "$DEPLOYHOOK_REVISION"')
    expect(world.told).toContain('view null')
    expect(world.output()).toMatch(/^fatal: not a git repository.*\n1a2b3c4d5e6f0+\n$/)
  })

  it('is not made where its user, or another, could lead root astray', async () => {
    const world = openWorld()
    chownSync(dirname(world.tree), 65534, 65534)
    const message = expect.stringContaining(`${dirname(world.tree)} does not belong to root`) as string
    expect(await ship(world, 'true')).toMatchObject({ outcome: 'failed', reason: 'path_unusable', message })
    chownSync(dirname(world.tree), 0, 0)
    chmodSync(world.tree, 0o777)
    const open = expect.stringContaining(`${world.tree} may be written to by others than root`) as string
    expect(await ship(world, 'true')).toMatchObject({ outcome: 'failed', reason: 'path_unusable', message: open })
    chmodSync(world.tree, 0o755)
    const [theirs, link] = [join(dirname(world.tree), 'theirs'), join(dirname(world.tree), 'link')]
    mkdirSync(theirs)
    chownSync(theirs, 65534, 65534)
    symlinkSync(theirs, link)
    const led = expect.stringContaining(`${theirs} does not belong to root`) as string
    expect(await ship(world, 'true', { path: join(link, 'tree') })).toMatchObject({
      reason: 'path_unusable',
      message: led,
    })
    expect([...readdirSync(world.tree), ...readdirSync(theirs)]).toEqual([])
  })

  it('is not gone back to, nor removed, where that could be', async () => {
    const world = openWorld()
    await ship(world, 'true')
    const release = readlinkSync(join(world.tree, 'current')).slice('releases/'.length)
    await ship(world, 'true', { id: 13 })
    const live = readlinkSync(join(world.tree, 'current'))
    chmodSync(join(world.tree, 'releases'), 0o777)
    const target = { kind: 'release', name: release } as const
    expect(await ship(world, 'true', { id: 14, target })).toMatchObject({ outcome: 'failed', reason: 'path_unusable' })
    expect(readlinkSync(join(world.tree, 'current'))).toBe(live)
  })

  it('is not made where its user may not come in', async () => {
    const world = openWorld()
    const [closed, path] = ['closed', 'closed/tree'].map((name) => join(dirname(world.tree), name)) as [string, string]
    mkdirSync(closed, { mode: 0o700 })
    expect(await ship(world, 'true', { path })).toEqual({
      outcome: 'failed',
      reason: 'run_as_unusable',
      message: `run_as: nobody may not enter ${closed}, so that nothing could run in ${path}: chmod o+x ${closed}, or give another path`,
    })
    expect(readdirSync(closed)).toEqual([])
  })

  it('is not made when a directory above what is shared is its user’s', async () => {
    const world = openWorld()
    mkdirSync(join(world.tree, 'shared/deep'), { recursive: true })
    chownSync(join(world.tree, 'shared/deep'), 65534, 65534)
    const message = expect.stringContaining('shared/deep does not belong to root') as string
    expect(await ship(world, 'true')).toMatchObject({ outcome: 'failed', reason: 'shared_unusable', message })
  })
})

function openWorld(): World {
  const world = createDeploying({
    workspace: {
      checkoutRelease: (_app, _revision, { directory, view }: ReleaseOptions) => {
        world.told.push(`view ${view}`)
        writeFileSync(join(directory, 'page'), 'v1')
        symlinkSync(join(dirname(world.tree), 'of-root'), join(directory, 'link'))
        return Promise.resolve({ kind: 'checked_out' })
      },
    },
  })
  chmodSync(dirname(world.tree), 0o755)
  writeFileSync(join(dirname(world.tree), 'of-root'), '')
  return world
}

type Shipped = { readonly keep?: number; readonly id?: number; readonly path?: string; readonly target?: Job['target'] }

function ship(world: World, text: string, { keep = 5, id = 12, path = world.tree, target = null }: Shipped = {}) {
  const directory = (path: string) => ({ path, kind: 'directory' as const })
  const shared = [directory('data'), directory('deep/logs'), { path: '.env', kind: null }]
  const job = world.job(
    { strategy: 'releases', runAs: 'nobody', shared, keep, path, steps: [script(text)] },
    { target },
  )
  const { runner, progress } = world
  return runner.deploy({ ...job, deployment: { ...job.deployment, id } }, progress)
}

function ownersOf(world: World, paths: readonly string[]): readonly string[] {
  return paths.map((path) => {
    const { uid, mode } = statSync(join(world.tree, path))
    return `${uid} ${(mode & 0o777).toString(8)}`
  })
}
