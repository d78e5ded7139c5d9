import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { mirrorDirectory } from '../../../src/runner/mirror.ts'
import { createGitWorld, failureIn, type GitWorld } from './git-world.ts'

/** What a power cut or a bad disk does to a git directory. */
const toMirrors: readonly [string, (mirror: string) => Promise<void>][] = [
  ['a HEAD that is gone, as in a half-made clone', (mirror) => rm(join(mirror, 'HEAD'))],
  ['an empty HEAD', (mirror) => overwrite(join(mirror, 'HEAD'), '')],
  ['no objects directory', (mirror) => rm(join(mirror, 'objects'), { recursive: true })],
  ['no refs directory', (mirror) => rm(join(mirror, 'refs'), { recursive: true })],
  ['the empty ref of an earlier fetch', (mirror) => overwrite(join(mirror, 'refs/deployhook/tip/blog'), '')],
  ['an empty tag', (mirror) => overwrite(join(mirror, 'refs/tags/v1'), '')],
  ['garbage for packed-refs', (mirror) => overwrite(join(mirror, 'packed-refs'), 'gar\0bage\n')],
  ['a pack that was cut off', (mirror) => changePacks(mirror, '.pack', (bytes) => bytes.subarray(0, 60))],
  ['an empty pack', (mirror) => changePacks(mirror, '.pack', () => '')],
  ['an empty index of a pack', (mirror) => changePacks(mirror, '.idx', () => '')],
  ['a pack that is gone', (mirror) => changePacks(mirror, '.pack', () => null)],
  ['a directory for HEAD', (mirror) => beDirectory(join(mirror, 'HEAD'))],
  ['a directory for config', (mirror) => beDirectory(join(mirror, 'config'))],
  ['a directory for packed-refs', (mirror) => beDirectory(join(mirror, 'packed-refs'))],
  ['a directory for shallow', (mirror) => beDirectory(join(mirror, 'shallow'))],
  ['a directory for alternates', (mirror) => beDirectory(join(mirror, 'objects/info/alternates'))],
  ['a file for refs', (mirror) => beFile(join(mirror, 'refs'))],
  ['a file for refs/tags', (mirror) => beFile(join(mirror, 'refs/tags'))],
  ['a file for refs/deployhook', (mirror) => beFile(join(mirror, 'refs/deployhook'))],
  ['a file for objects', (mirror) => beFile(join(mirror, 'objects'))],
  [
    'flipped bytes in a pack',
    (mirror) => changePacks(mirror, '.pack', (bytes) => bytes.fill(0x55, 20, bytes.length - 30)),
  ],
]

describe('a broken mirror', () => {
  it.each(toMirrors)('is fetched anew, and kept aside: %s', async (_, damage) => {
    const world = await deployedWorld()
    const mirror = mirrorOf(world)
    await damage(mirror)
    const pushed = await world.repository.push({ 'a.txt': '2' })
    expect(await world.deployed(world.app(), 2)).toBe(pushed.after)
    expect(await world.read('srv/blog/a.txt')).toBe('2')
    await world.git(mirror, 'fsck')
    const kept = await keptOf(mirror)
    expect(kept).toEqual([`${mirror}.broken-20260102T030405Z`])
    expect(world.notes.join('\n')).toContain(`the broken one is kept at ${kept[0] ?? ''}`)
    expect(world.warnings).toEqual(['a mirror was broken and has been made anew'])
    expect(await world.git(world.path('srv/blog'), 'status', '--porcelain')).toBe('')
  })

  it('is kept aside once: the older evidence goes', async () => {
    const world = await deployedWorld()
    const mirror = mirrorOf(world)
    await world.write({ [`state/mirrors/${basename(mirror)}.broken-20251231T000000Z/HEAD`]: 'old' })
    await rm(join(mirror, 'HEAD'))
    await world.deployed(world.app(), 2)
    expect(await keptOf(mirror)).toEqual([`${mirror}.broken-20260102T030405Z`])
  })

  it('is noticed by the checkout, too, when the fetch had no need of what is broken', async () => {
    const world = await deployedWorld()
    const revision = await world.fetchTip(world.app())
    await changePacks(mirrorOf(world), '.pack', (bytes) => bytes.fill(0x55, 20, bytes.length - 30))
    await rm(world.path('srv/blog/a.txt'))
    const context = { ...world.context(), deployment: 2, adopt: false }
    expect(await world.workspace.checkout(world.app(), revision, context)).toEqual({ kind: 'checked_out' })
    expect(await world.read('srv/blog/a.txt')).toBe('1')
    expect(await keptOf(mirrorOf(world))).toHaveLength(1)
  })

  it('comes back with what the trees of all its apps borrow, as far as the host still has it', async () => {
    const world = await deployedWorld()
    const next = await world.repository.push({ 'a.txt': 'next' }, { branch: 'next' })
    const shop = world.app({ name: 'shop', branch: 'next', path: world.path('srv/shop') })
    await world.deployed(shop, 2)
    await changePacks(mirrorOf(world), '.pack', () => '')
    await world.deployed(world.app(), 3)
    expect(await world.git(world.path('srv/shop'), 'rev-parse', 'HEAD^{tree}')).not.toBe('')
    expect(
      await world.git(mirrorOf(world), 'for-each-ref', '--format=%(objectname)', 'refs/deployhook/borrowed/shop'),
    ).toBe(next.after)
  })

  it('stays as it is while the host does not answer', async () => {
    const world = await deployedWorld()
    await rm(join(mirrorOf(world), 'HEAD'))
    await rm(world.repository.bare, { recursive: true })
    const { reason, message } = failureIn(await world.workspace.fetch(world.app(), world.context()))
    expect(reason).toBe('not_found')
    expect(message).toContain(world.repository.bare)
    expect(await keptOf(mirrorOf(world))).toEqual([])
    expect(world.has('state/mirrors')).toBe(true)
  })

  it('is not what a broken repository at the host is taken for', async () => {
    const world = await deployedWorld()
    await world.repository.push({ 'a.txt': '2', 'b.txt': 'b' })
    for (const object of await looseObjects(world.repository.bare)) await overwrite(object, '')
    const { reason, message } = failureIn(await world.workspace.fetch(world.app(), world.context()))
    expect(reason).toBe('bad_objects')
    expect(message).toContain(`What ${world.repository.bare} itself holds seems to be broken: mend it there`)
    expect(await keptOf(mirrorOf(world))).toEqual([])
  })
})

describe('a mirror', () => {
  it('is sent only what is new, however often it fetches', async () => {
    const world = await deployedWorld()
    await world.repository.push({ 'new.txt': 'new' })
    const before = await objectsIn(world)
    await world.deployed(world.app(), 2)
    // A commit, its tree and a file.
    expect((await objectsIn(world)) - before).toBe(3)
  })
})

const toTrees: readonly [string, (tree: string) => Promise<void>][] = [
  ['an empty index', (tree) => overwrite(join(tree, 'index'), '')],
  ['an empty HEAD', (tree) => overwrite(join(tree, 'HEAD'), '')],
  ['no HEAD', (tree) => rm(join(tree, 'HEAD'))],
  ['no objects directory', (tree) => rm(join(tree, 'objects'), { recursive: true })],
  ['no refs directory', (tree) => rm(join(tree, 'refs'), { recursive: true })],
  ['garbage for packed-refs', (tree) => overwrite(join(tree, 'packed-refs'), 'gar\0bage\n')],
  ['empty saved refs', (tree) => overwrite(join(tree, 'refs/deployhook/dirty/2'), '')],
  ['a directory for HEAD', (tree) => beDirectory(join(tree, 'HEAD'))],
  ['a directory for config', (tree) => beDirectory(join(tree, 'config'))],
  ['a directory for the index', (tree) => beDirectory(join(tree, 'index'))],
  ['a directory for what is remembered', (tree) => beDirectory(join(tree, 'deployhook.json'))],
  ['a directory for the alternates', (tree) => beDirectory(join(tree, 'objects/info/alternates'))],
  ['a file for refs', (tree) => beFile(join(tree, 'refs'))],
  ['a file for the saved refs', (tree) => beFile(join(tree, 'refs/deployhook/dirty'))],
  ['a file for objects', (tree) => beFile(join(tree, 'objects'))],
  ['a file for objects/pack', (tree) => beFile(join(tree, 'objects/pack'))],
  [
    'empty objects',
    async (tree) => {
      for (const object of await looseObjects(tree)) await overwrite(object, '')
    },
  ],
  [
    'the object of a saved file that is empty',
    (tree) => {
      const id = createHash('sha1').update('blob 4\0mine').digest('hex')
      return overwrite(join(tree, 'objects', id.slice(0, 2), id.slice(2)), '')
    },
  ],
  [
    'objects that are gone',
    async (tree) => {
      for (const object of await looseObjects(tree)) await rm(object)
    },
  ],
]

describe("an app's own repository that is broken", () => {
  it.each(toTrees)('is mended, and nothing of yours is lost: %s', async (_, damage) => {
    const world = await deployedWorld()
    await world.write({ 'srv/blog/a.txt': 'mine' })
    await world.repository.push({ 'a.txt': '2' })
    await world.deployed(world.app(), 2)
    const own = world.path('state/trees/blog.git')
    await damage(own)
    await world.write({ 'srv/blog/a.txt': 'mine' })
    const pushed = await world.repository.push({ 'a.txt': '3' })

    expect(await world.deployed(world.app(), 3)).toBe(pushed.after)
    expect(await world.read('srv/blog/a.txt')).toBe('3')
    expect(await world.git(own, 'show', 'refs/deployhook/dirty/3:a.txt')).toBe('mine')
    expect(await world.git(world.path('srv/blog'), 'status', '--porcelain')).toBe('')
  })

  it.each([
    ['without memory', "echo 'fatal: Out of memory, malloc failed (tried to allocate 4096 bytes)' >&2; exit 128"],
    ['that is killed', 'kill -KILL $$'],
    ['whose child is killed', "echo 'error: index-pack died of signal 9' >&2; exit 1"],
  ])('is not what a git %s is taken for', async (_, end) => {
    const world = await deployedWorld()
    await world.write({ 'srv/blog/a.txt': 'mine' })
    await world.repository.push({ 'a.txt': '2' })
    await world.deployed(world.app(), 2)
    const own = world.path('state/trees/blog.git')
    await world.git(own, 'repack', '-adlq')
    const [saved, packs] = [await world.git(own, 'show-ref'), await readdir(join(own, 'objects/pack'))]
    await world.repository.push({ 'a.txt': '3' })
    const tip = await world.fetchTip(world.app())
    await mkdir(world.path('bin'))
    await writeFile(world.path('bin/git'), `#!/bin/sh\n${end}\n`, { mode: 0o755 })
    const short = world.restarted({ path: world.path('bin') })

    const context = { ...world.context(), deployment: 3, adopt: false }
    const { message } = failureIn(await short.checkout(world.app(), tip, context))
    expect(message).toMatch(/memory/)
    expect(await world.git(own, 'show-ref')).toBe(saved)
    expect(await readdir(join(own, 'objects/pack'))).toEqual(packs)
    expect(world.warnings).toEqual([])
  })

  it('says in both logs what was broken and where it is kept', async () => {
    const world = await deployedWorld()
    const own = world.path('state/trees/blog.git')
    await overwrite(join(own, 'HEAD'), 'nonsense')
    await world.deployed(world.app(), 2)
    const kept = `${own}.broken-20260102T030405Z`
    expect(await readFile(join(kept, 'HEAD'), 'utf8')).toBe('nonsense')
    expect(world.notes.join('\n')).toContain(`was broken and is mended (HEAD); what was broken is kept at ${kept}`)
    expect(world.warnings).toEqual(["an app's own git directory was broken and has been mended"])
  })
})

async function deployedWorld(): Promise<GitWorld> {
  const world = await createGitWorld()
  await world.repository.push({ 'a.txt': '1', 'd/x.txt': 'x'.repeat(500) })
  await world.repository.git('tag', 'v1')
  await world.repository.git('push', '-q', 'origin', 'v1')
  await world.deployed(world.app(), 1)
  // As maintenance does: what was loose is in a pack.
  await world.git(mirrorOf(world), 'repack', '-adq')
  return world
}

function mirrorOf(world: GitWorld): string {
  return mirrorDirectory(world.state, world.app().repo)
}

async function keptOf(mirror: string): Promise<readonly string[]> {
  const names = await readdir(dirname(mirror))
  return names.filter((name) => name.includes('.broken-')).map((name) => join(dirname(mirror), name))
}

/** Whatever stands there. */
async function beDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
  await mkdir(join(path, 'inside'), { recursive: true })
}

async function beFile(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
  await writeFile(path, 'somebody’s')
}

async function overwrite(file: string, bytes: string | Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await chmod(file, 0o600).catch(() => undefined)
  await writeFile(file, bytes)
}

async function changePacks(
  mirror: string,
  extension: string,
  change: (bytes: Buffer) => string | Uint8Array | null,
): Promise<void> {
  const directory = join(mirror, 'objects/pack')
  for (const name of (await readdir(directory)).filter((each) => each.endsWith(extension))) {
    const changed = change(await readFile(join(directory, name)))
    if (changed === null) await rm(join(directory, name))
    else await overwrite(join(directory, name), changed)
  }
}

async function looseObjects(gitDir: string): Promise<readonly string[]> {
  const names = await readdir(join(gitDir, 'objects'), { recursive: true })
  return names.filter((name) => /^[0-9a-f]{2}\/[0-9a-f]{38}$/.test(name)).map((name) => join(gitDir, 'objects', name))
}

/** Each counted as often as it is stored. */
async function objectsIn(world: GitWorld): Promise<number> {
  const counted = await world.git(mirrorOf(world), 'count-objects', '-v')
  const numberOf = (what: string) => Number(new RegExp(`^${what}: (\\d+)$`, 'm').exec(counted)?.[1])
  return numberOf('count') + numberOf('in-pack')
}
