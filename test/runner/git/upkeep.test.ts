import { execa } from 'execa'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { rm, utimes } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRunCommand } from '../../../src/runner/exec.ts'
import type { RunCommand } from '../../../src/runner/command.ts'
import { createWorkspace } from '../../../src/runner/git-workspace.ts'
import type { Mirrors, TendContext, Tended } from '../../../src/runner/mirrors.ts'
import { otherGitIn } from '../../../src/runner/lock-holder.ts'
import { mirrorDirectory } from '../../../src/runner/mirror.ts'
import type { App } from '../../../src/model/deploy-map.ts'
import { until } from '../../support/until.ts'
import { createGitWorld, gitPath, type GitWorld } from './git-world.ts'

describe('an idle mirror', () => {
  it('has few packs again after many small fetches, and a tree that borrows from it goes on working', async () => {
    const world = await deployedWorld()
    await fetchPacks(world, 60)
    await world.write({ 'srv/blog/a.txt': 'mine' })
    await world.deployed(world.app(), 2)

    const tended = await tend(world)
    expect(tended).toMatchObject({ kind: 'tended', chores: ['repack'] })
    expect(packsOf(world)).toBeLessThan(10)
    expect(await tend(world)).toEqual({ kind: 'no_need' })
    await expectWhole(world)
  })

  it('loses the refs of what is not deployed any more, and nothing that the tree, its saved commits or the view need', async () => {
    const world = await deployedWorld()
    const git = (...args: readonly string[]) => world.git(mirrorOf(world), ...args)
    const first = await world.repository.push({ 'b.txt': 'once' })
    await world.deployed(world.app(), 2)
    // Saved on top of a commit that is rewritten away, with a file that the mirror has from another branch.
    await world.repository.push({ 'c.txt': 'borrowed' }, { branch: 'other' })
    await world.fetchTip(world.app({ name: 'other', branch: 'other' }))
    await world.write({ 'srv/blog/a.txt': 'borrowed' })
    await world.repository.git('checkout', '-q', 'main')
    await world.repository.git('reset', '-q', '--hard', `${first.after}~1`)
    await world.repository.push({ 'a.txt': 'rewritten' }, { force: true })
    await world.deployed(world.app(), 3)
    // The remote deletes the tag that the view still has.
    await world.repository.git('push', '-q', '--delete', 'origin', 'v1')
    await world.fetchTip(world.app())
    for (const name of Array.from({ length: 60 }, (_, index) => `refs/deployhook/borrowed/blog/old-${index}`))
      await git('update-ref', name, first.before)

    expect(await tend(world)).toMatchObject({ kind: 'tended', chores: ['sort_refs'] })
    const refs = (await git('for-each-ref', '--format=%(refname)')).split('\n')
    expect(refs.filter((name) => name.includes('/borrowed/')).length).toBeLessThan(8)
    expect(refs.filter((name) => name.includes('/tip/'))).toEqual(['refs/deployhook/tip/blog'])

    await git('gc', '-q', '--prune=now')
    await git('prune', '--expire=now')
    await expectWhole(world)
    expect(await world.git(treeOf(world), 'show', 'refs/deployhook/dirty/3:a.txt')).toBe('borrowed')
    expect(await world.git(treeOf(world), 'show', 'refs/deployhook/dirty/3:b.txt')).toBe('once')
    expect(await world.git(world.path('srv/blog'), 'describe', '--tags', 'v1')).toBe('v1')
    await world.repository.push({ 'a.txt': 'next' })
    await world.deployed(world.app(), 4)
  })

  it('keeps the refs of an app whose tree is broken, and of one that is gone as long as its tree is there', async () => {
    const world = await deployedWorld()
    const shop = world.app({ name: 'shop', path: world.path('srv/shop') })
    await world.deployed(shop, 2)
    await world.fetchTip(shop)
    const borrowed = () => world.git(mirrorOf(world), 'for-each-ref', '--format=%(refname)', 'refs/deployhook/borrowed')
    await world.fetchTip(world.app({ name: 'gone' }))
    expect(await tend(world)).toMatchObject({ chores: ['sort_refs'] })
    expect(await borrowed()).toContain('/shop/')

    await world.git(mirrorOf(world), 'update-ref', 'refs/deployhook/borrowed/shop/earlier', 'refs/deployhook/tip/blog')
    const before = await borrowed()
    await world.write({ 'state/trees/shop.git/refs/deployhook/dirty/9': '1'.repeat(40) })
    await world.fetchTip(world.app({ name: 'gone' }))
    expect(await tend(world)).toMatchObject({ chores: ['sort_refs'] })
    expect(await borrowed()).toBe(before)

    for (const place of ['trees', 'views']) await rm(world.path('state', place, 'shop.git'), { recursive: true })
    expect(await tend(world)).toMatchObject({ chores: ['sort_refs'] })
    expect(await borrowed()).not.toContain('/shop/')
  })

  it('gives way to a deployment, at once and wholly', async () => {
    const world = await deployedWorld()
    await fetchPacks(world, 12)
    const begun = Promise.withResolvers<undefined>()
    const { mirrors, workspace } = createMirrors(world, {
      onRepack: (argv) => (begun.resolve(undefined), ['/bin/sh', '-c', '(sleep 1013) & sleep 1013', ...argv]),
    })
    const tending = tend(world, { mirrors })
    await begun.promise
    const pushed = await world.repository.push({ 'a.txt': 'urgent' }, { force: true })
    expect(await workspace.fetch(world.app(), world.context())).toEqual({ kind: 'tip', revision: pushed.after })
    expect(await tending).toEqual({ kind: 'gave_way' })
    expect(await tend(world)).toMatchObject({ kind: 'tended' })
  })

  it('is none the worse for a repack that dies half way, and loses what that left behind', async () => {
    const world = await deployedWorld()
    await fetchPacks(world, 12)
    // The kernel kills it (SIGXFSZ) once a file has more than 512 bytes.
    const { mirrors } = createMirrors(world, {
      onRepack: (argv) => ['/bin/sh', '-c', 'ulimit -f 1; exec "$@"', 'sh', ...argv],
    })
    const failed = await tend(world, { mirrors })
    expect(failed).toMatchObject({ kind: 'failed' })
    const halves = () => namesIn(join(mirrorOf(world), 'objects/pack')).filter((name) => /^\.?tmp/.test(name))
    expect(halves()).not.toEqual([])
    await expectWhole(world)

    await world.write({
      [`state/mirrors/${basename(mirrorOf(world))}/gc.pid`]: '4194303 elsewhere\n',
      [`state/mirrors/${basename(mirrorOf(world))}/packed-refs.lock`]: '',
      [`state/mirrors/${basename(mirrorOf(world))}/objects/pack/.tmp-4194303-pack-1.pack`]: 'half',
    })
    expect(await tend(world)).toMatchObject({ kind: 'tended' })
    expect(halves()).toEqual([])
    expect(packsOf(world)).toBeLessThan(10)
    await expectWhole(world)
    await world.deployed(world.app(), 2)
  })

  it('without need costs no git; with need it is left alone while somebody else has a git at work in it', async () => {
    const world = await deployedWorld()
    const { mirrors, commands } = createMirrors(world, { path: '/nonexistent' })
    expect(await tend(world, { mirrors })).toEqual({ kind: 'no_need' })
    expect(commands).toEqual([])

    const objects = join('state/mirrors', basename(mirrorOf(world)), 'objects/aa')
    await world.write({ [`${objects}/tmp_obj_old`]: 'half', [`${objects}/tmp_obj_new`]: 'half' })
    await utimes(world.path(objects, 'tmp_obj_old'), daysAgo(2), daysAgo(2))
    await utimes(world.path(objects, 'tmp_obj_new'), daysAgo(0), daysAgo(0))
    // Not our child, as an operator's is not.
    const operators = execa(
      'sh',
      ['-c', 'exec 3<&0; git "$1" cat-file --batch <&3 & echo $!; wait', 'sh', `--git-dir=${mirrorOf(world)}`],
      {
        stdin: 'pipe',
        reject: false,
      },
    )
    const pid = Number((await once(operators.stdout, 'data')).toString())
    try {
      await until('git to begin', async () => (await otherGitIn(mirrorOf(world))) === pid)
      expect(await tend(world)).toEqual({ kind: 'busy', pid })
    } finally {
      process.kill(pid)
      await operators
    }

    expect(await tend(world)).toMatchObject({ chores: ['clear_leftovers'] })
    expect(namesIn(world.path(objects)).filter((name) => name.startsWith('tmp_'))).toEqual(['tmp_obj_new'])
  })
})

describe('a mirror that no app names', () => {
  it('stays for a week, and as long as a tree or a view borrows from it; then it goes with what lies beside it', async () => {
    const world = await deployedWorld()
    const later = createMirrors(world, { now: new Date(now.getTime() + 8 * 86_400_000) }).mirrors
    expect(await tend(world, { apps: [] })).toMatchObject({ chores: ['sort_refs'] })
    expect(await tend(world, { apps: [], mirrors: later })).toEqual({ kind: 'no_need' })

    await rm(world.path('state/trees/blog.git'), { recursive: true })
    expect(await tend(world, { apps: [] })).toEqual({ kind: 'no_need' })
    await rm(world.path('state/views/blog.git'), { recursive: true })
    expect(await tend(world, { apps: [] })).toMatchObject({ chores: ['note_unused'] })
    expect(await tend(world, { apps: [] })).toEqual({ kind: 'no_need' })

    expect(await tend(world, { mirrors: later })).toMatchObject({ chores: ['note_used'] })
    expect(await tend(world, { apps: [] })).toMatchObject({ chores: ['note_unused'] })
    await world.write({ [`state/mirrors/${basename(mirrorOf(world))}.broken-20260101T000000Z/HEAD`]: 'old' })
    expect(await tend(world, { apps: [], mirrors: later })).toEqual({ kind: 'removed' })
    expect(namesIn(world.path('state/mirrors'))).toEqual([])
    await world.deployed(world.app(), 2)
  })
})

const now = new Date('2026-01-02T03:04:05Z')
const daysAgo = (days: number): Date => new Date(now.getTime() - days * 86_400_000)

async function deployedWorld(): Promise<GitWorld> {
  const world = await createGitWorld()
  await world.repository.push({ 'a.txt': '1', 'd/x.txt': 'x'.repeat(500) })
  await world.repository.git('tag', '-a', '-m', 'one', 'v1')
  await world.repository.git('push', '-q', 'origin', 'v1')
  await world.deployed(world.app(), 1)
  return world
}

/** A workspace whose commands are seen, and whose `git repack` may be another command. */
function createMirrors(
  world: GitWorld,
  {
    onRepack = (argv) => argv,
    path = gitPath,
    now: at = now,
  }: {
    readonly onRepack?: (argv: readonly [string, ...string[]]) => readonly [string, ...string[]]
    readonly path?: string
    readonly now?: Date
  } = {},
) {
  const real = createRunCommand({ directory: world.path('work') })
  const commands: (readonly string[])[] = []
  const run: RunCommand = (command, options) => {
    commands.push(command.argv)
    return real(command.argv.includes('repack') ? { ...command, argv: onRepack(command.argv) } : command, options)
  }
  const workspace = createWorkspace({
    ...{ stateDirectory: world.state, run, localPaths: () => [], failPoint: () => undefined, path, retryAfterMs: [] },
    clock: { now: () => at },
    log: { warn: () => undefined },
  })
  return { workspace, mirrors: workspace.mirrors, commands }
}

async function tend(
  world: GitWorld,
  options: { readonly mirrors?: Mirrors; readonly apps?: readonly App[] } = {},
): Promise<Tended> {
  const { mirrors = createMirrors(world).mirrors, apps = [world.app()] } = options
  const [mirror, ...others] = await mirrors.list(apps)
  expect(others).toEqual([])
  if (mirror === undefined) throw new Error('there is no mirror')
  return mirrors.tend(mirror, contextOf(world))
}

function contextOf(world: GitWorld): TendContext {
  const { signal, cookie } = world.context()
  return { signal, cookie, keep: () => Promise.resolve([]), mayFillDisk: true }
}

/** As after fetches of more objects than git unpacks: each left a pack, here of three objects. */
async function fetchPacks(world: GitWorld, count: number): Promise<void> {
  const commits = Array.from({ length: count }, (_, index) => {
    const text = Array.from({ length: 60 }, () => Math.random().toString(36)).join('')
    const from = index === 0 ? 'from refs/heads/main^0\n' : ''
    return `commit refs/heads/main\ncommitter A <a@example.com> ${1_700_000_000 + index} +0000\ndata 2\nc\n${from}M 100644 inline many.txt\ndata ${text.length}\n${text}\n`
  })
  await execa('git', ['-C', world.repository.bare, 'fast-import', '--quiet'], { input: commits.join('') })
  const packed = commits.join('checkpoint\n').replaceAll('refs/heads/main', 'refs/deployhook/tip/blog')
  await execa('git', ['-c', 'fastimport.unpackLimit=0', `--git-dir=${mirrorOf(world)}`, 'fast-import', '--quiet'], {
    input: packed,
  })
  expect(packsOf(world)).toBeGreaterThanOrEqual(count)
}

/** Everything that the tree and the view lead to is there. */
async function expectWhole(world: GitWorld): Promise<void> {
  await world.git(treeOf(world), 'fsck', '--connectivity-only')
  await world.git(mirrorOf(world), 'fsck')
  const place = world.path('srv/blog')
  expect(await world.git(place, 'log', '--oneline')).not.toBe('')
  expect(await world.git(place, 'fsck', '--connectivity-only')).toBeDefined()
}

function mirrorOf(world: GitWorld): string {
  return mirrorDirectory(world.state, world.app().repo)
}

function treeOf(world: GitWorld): string {
  return world.path('state/trees/blog.git')
}

function packsOf(world: GitWorld): number {
  return namesIn(join(mirrorOf(world), 'objects/pack')).filter((name) => name.endsWith('.pack')).length
}

function namesIn(directory: string): readonly string[] {
  return readdirSync(directory)
}
