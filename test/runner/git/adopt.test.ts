import { execa } from 'execa'
import { lstat, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createGitWorld, failureIn, operator, type GitWorld } from './git-world.ts'

describe('a path that is not empty', () => {
  it('adopts a clone of the same repository and keeps all of it', async () => {
    const world = await createGitWorld()
    const first = await world.repository.push({ 'a.txt': '1', 'b.txt': '1', '.gitignore': 'node_modules\n' })
    const tree = await cloneAt(world)
    await world.write({ 'srv/blog/a.txt': 'stashed' })
    await world.git(tree, 'stash')
    await world.write({ 'srv/blog/a.txt': 'stashed too' })
    await world.git(tree, 'stash')
    await world.write({ 'srv/blog/local.txt': 'committed on the server' })
    await world.git(tree, 'add', 'local.txt')
    await world.git(tree, 'commit', '-q', '-m', 'Local')
    const local = await world.git(tree, 'rev-parse', 'HEAD')
    await world.git(tree, 'branch', 'experiment', first.after)
    await world.write({
      'srv/blog/b.txt': 'not committed',
      'srv/blog/node_modules/x.js': 'x',
      'srv/blog/mine.txt': 'untracked',
    })
    const second = await world.repository.push({ 'a.txt': '2' })

    expect(await world.deployed(world.app(), 7)).toBe(second.after)
    expect(await world.read('srv/blog/a.txt')).toBe('2')
    expect(await world.read('srv/blog/b.txt')).toBe('1')
    expect(world.has('srv/blog/local.txt')).toBe(false)
    expect(await world.read('srv/blog/node_modules/x.js')).toBe('x')
    expect(await world.read('srv/blog/mine.txt')).toBe('untracked')

    const own = world.path('state/trees/blog.git')
    const kept = 'refs/deployhook/adopted/blog'
    expect((await world.git(own, 'for-each-ref', '--format=%(refname)', kept)).split('\n')).toEqual(
      ['HEAD', 'heads/experiment', 'heads/main', 'stash/0', 'stash/1'].map((name) => `${kept}/${name}`),
    )
    expect(await world.git(own, 'rev-parse', `${kept}/HEAD`)).toBe(local)
    expect(await world.git(own, 'show', `${kept}/stash/0:a.txt`)).toBe('stashed too')
    expect(await world.git(own, 'show', `${kept}/stash/1:a.txt`)).toBe('stashed')
    expect(await world.git(own, 'show', 'refs/deployhook/dirty/7:b.txt')).toBe('not committed')
    expect(await world.git(own, 'rev-parse', 'refs/deployhook/dirty/7^')).toBe(local)
    const adopted = world.path('state/adopted/blog-7.git')
    expect((await world.git(adopted, 'log', '--walk-reflogs', '--format=%s', 'refs/stash')).split('\n')).toHaveLength(2)
    await rm(adopted, { recursive: true })
    expect(await world.git(own, 'show', `${kept}/heads/main:local.txt`)).toBe('committed on the server')
    expect(await world.git(own, 'fsck', '--connectivity-only')).toBe('')
    expect((await lstat(join(tree, '.git'))).isFile()).toBe(true)
  })

  it('adopts a clone whose HEAD is detached, and one without a commit', async () => {
    const world = await createGitWorld()
    const first = await world.repository.push({ 'a.txt': '1' })
    const tree = await cloneAt(world)
    await world.git(tree, 'checkout', '-q', '--detach')
    await world.deployed(world.app(), 1)
    expect(await world.git(world.path('state/trees/blog.git'), 'rev-parse', 'refs/deployhook/adopted/blog/HEAD')).toBe(
      first.after,
    )

    const shop = world.app({ name: 'shop', path: world.path('srv/shop') })
    await world.git(world.dir, 'init', '-q', shop.path)
    await world.git(shop.path, 'remote', 'add', 'origin', world.repository.bare)
    await world.write({ 'srv/shop/a.txt': 'mine' })
    await world.deployed(shop, 2)
    expect(await world.git(world.path('state/trees/shop.git'), 'show', 'refs/deployhook/dirty/2:a.txt')).toBe('mine')
  })

  it('does not run anything that a clone to be adopted has configured', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1', '.gitattributes': '* filter=evil diff=evil merge=evil\n' })
    const tree = await cloneAt(world)
    await plant(world, join(tree, '.git'))
    await world.write({ 'srv/blog/a.txt': 'changed' })
    await world.deployed(world.app(), 1)
    expect(world.has('PWNED')).toBe(false)
    expect(world.has('state/adopted/blog-1.git/config')).toBe(true)
  })

  it('goes on where an adoption was interrupted', async () => {
    const world = await createGitWorld({ failPoint: die('in-checkout') })
    await world.repository.push({ 'a.txt': '1' })
    const tree = await cloneAt(world)
    await world.write({ 'srv/blog/a.txt': 'mine' })
    await expect(world.deploy(world.app(), 1)).rejects.toThrow('died')
    await mkdir(join(tree, '.git'))
    await writeFile(join(tree, '.git/config'), 'left over')
    const workspace = world.restarted({ failPoint: () => undefined })
    expect(await world.deploy(world.app(), 1, { workspace })).toEqual({ kind: 'checked_out' })
    expect(await world.read('srv/blog/a.txt')).toBe('1')
    expect(await world.git(world.path('state/trees/blog.git'), 'show', 'refs/deployhook/dirty/1:a.txt')).toBe('mine')
    expect(world.has('state/adopted/blog-1.git/HEAD')).toBe(true)
    expect(world.has('state/adopted/blog-1-2.git/config')).toBe(true)
  })

  it('moves the .git of an adopted clone across file systems', async ({ skip }) => {
    const world = await createGitWorld()
    const shared = '/dev/shm'
    if ((await stat(shared).catch(() => null))?.dev === (await stat(world.dir)).dev) skip('needs two file systems')
    const path = join(shared, `deployhook-git-test-${process.pid}`)
    try {
      await world.repository.push({ 'a.txt': '1' })
      await cloneAt(world, path)
      await symlink('/etc/passwd', join(path, '.git/a-link'))
      await world.deployed(world.app({ path }), 1)
      expect(await world.git(world.path('state/adopted/blog-1.git'), 'log', '--format=%s')).toBe('Change a.txt')
      expect((await lstat(world.path('state/adopted/blog-1.git/a-link'))).isSymbolicLink()).toBe(true)
      expect((await lstat(join(path, '.git'))).isFile()).toBe(true)
      expect((await stat('/etc/passwd')).isFile()).toBe(true)
    } finally {
      await rm(path, { recursive: true, force: true })
    }
  })

  it('takes over other files only when told to, around them', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': 'theirs', 'same.txt': 'same' })
    await world.write({ 'srv/blog/a.txt': 'mine', 'srv/blog/same.txt': 'same', 'srv/blog/uploads/x': 'x' })
    const refused = failureIn(await world.deploy(world.app(), 1))
    expect(refused.reason).toBe('path_occupied')
    expect(refused.message).toContain('adopt: true')
    expect(await world.read('srv/blog/a.txt')).toBe('mine')

    await world.deployed(world.app(), 2, { adopt: true })
    expect(await world.read('srv/blog/a.txt')).toBe('theirs')
    expect(await world.read('srv/blog/uploads/x')).toBe('x')
    const own = world.path('state/trees/blog.git')
    expect(await world.git(own, 'show', 'refs/deployhook/dirty/2:a.txt')).toBe('mine')
    expect(await world.git(own, 'ls-tree', '-r', '--name-only', 'refs/deployhook/dirty/2')).toBe('a.txt')
    const restore = /to get them back: (.*)/.exec(world.notes.join('\n'))?.[1] ?? ''
    await execa('sh', ['-eu', '-c', restore], { cwd: '/', env: operator })
    expect(await world.read('srv/blog/a.txt')).toBe('mine')
  })

  it('refuses what cannot be adopted, says the cure, and touches nothing', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.repository.push({ 'a.txt': '2' })
    for (const { name, make, reason, cure, below = '' } of refusals) {
      const made = world.path('refused', name)
      await mkdir(world.path('refused'), { recursive: true })
      await make(world, made)
      const path = join(made, below)
      const failure = failureIn(await world.deploy(world.app({ name, path }), 1))
      expect({ name, reason: failure.reason }).toEqual({ name, reason })
      expect(failure.message).toContain(path)
      expect(failure.message).toMatch(cure)
      expect(world.has('state/adopted')).toBe(false)
    }
  })

  it('does not accept the state directory, or what holds it, as a path', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    for (const path of [world.state, world.path('state/trees/x'), world.dir, '/']) {
      expect(failureIn(await world.deploy(world.app({ path }), 1)).reason).toBe('path_unusable')
    }
  })
})

type Refusal = {
  name: string
  make: (world: GitWorld, path: string) => Promise<unknown>
  reason: string
  cure: RegExp
  below?: string
}

const refusals: readonly Refusal[] = [
  {
    name: 'other-clone',
    make: async (world, path) => {
      await cloneAt(world, path)
      await world.git(path, 'remote', 'set-url', 'origin', 'https://github.com/acme/other.git')
    },
    reason: 'path_occupied',
    cure: /another repository.*remote add/,
  },
  {
    name: 'no-remote',
    make: (world, path) => world.git(world.dir, 'init', '-q', path),
    reason: 'path_occupied',
    cure: /without remotes.*adopt: true/,
  },
  {
    name: 'shallow',
    make: (world, path) => world.git(world.dir, 'clone', '-q', '--depth', '1', `file://${world.repository.bare}`, path),
    reason: 'unsupported_clone',
    cure: /fetch --unshallow/,
  },
  {
    name: 'submodules',
    make: async (world, path) => {
      await cloneAt(world, path)
      await mkdir(join(path, '.git/modules/lib'), { recursive: true })
    },
    reason: 'unsupported_clone',
    cure: /submodule deinit/,
  },
  {
    name: 'has-worktrees',
    make: async (world, path) => {
      await cloneAt(world, path)
      await world.git(path, 'worktree', 'add', '-q', `${path}-linked`)
    },
    reason: 'unsupported_clone',
    cure: /worktree remove/,
  },
  {
    name: 'linked',
    make: async (world, path) => {
      await cloneAt(world, `${path}-main`)
      await world.git(`${path}-main`, 'worktree', 'add', '-q', path)
    },
    reason: 'unsupported_clone',
    cure: /linked worktree/,
  },
  {
    name: 'bare',
    make: (world, path) => world.git(world.dir, 'clone', '-q', '--bare', world.repository.bare, path),
    reason: 'unsupported_clone',
    cure: /bare/,
  },
  {
    name: 'linked-git',
    make: async (world, path) => {
      await cloneAt(world, `${path}-main`)
      await mkdir(path)
      await symlink(`${path}-main/.git`, join(path, '.git'))
    },
    reason: 'unsupported_clone',
    cure: /another path/,
  },
  {
    name: 'a-file',
    make: async (_world, path) => writeFile(path, 'x'),
    reason: 'path_unusable',
    cure: /not a directory/,
  },
  {
    name: 'a-link',
    make: async (_world, path) => {
      await mkdir(`${path}-target`)
      await symlink(`${path}-target`, path)
    },
    reason: 'path_unusable',
    cure: /symbolic link/,
  },
  {
    name: 'below-a-file',
    make: async (_world, path) => {
      await writeFile(path, 'x')
    },
    reason: 'path_unusable',
    cure: /not a directory/,
    below: 'deep/er',
  },
]

async function cloneAt(world: GitWorld, path = world.path('srv/blog')): Promise<string> {
  await world.git(world.dir, 'clone', '-q', world.repository.bare, path)
  return path
}

/** Everything by which a repository's own files can make git run something. */
async function plant(world: GitWorld, git: string): Promise<void> {
  const run = world.path('pwn')
  await writeFile(run, `#!/bin/sh\necho "$0 $*" >> ${world.path('PWNED')}\ncat\n`, { mode: 0o755 })
  for (const hook of ['reference-transaction', 'post-checkout', 'post-index-change', 'pre-auto-gc']) {
    await mkdir(join(git, 'hooks'), { recursive: true })
    await writeFile(join(git, 'hooks', hook), `#!/bin/sh\n${run}\n`, { mode: 0o755 })
  }
  const settings = {
    'core.fsmonitor': run,
    'core.hooksPath': join(git, 'hooks'),
    'core.sshCommand': run,
    'core.alternateRefsCommand': run,
    'filter.evil.clean': run,
    'filter.evil.smudge': run,
    'filter.evil.process': run,
    'diff.evil.textconv': run,
    'diff.external': run,
    'merge.evil.driver': run,
    'uploadpack.packObjectsHook': run,
    'remote.origin.uploadpack': run,
    'credential.helper': `!${run}`,
    [`url.${world.path('elsewhere')}.insteadOf`]: world.repository.bare,
  }
  for (const [key, value] of Object.entries(settings))
    await execa('git', ['config', '--file', join(git, 'config'), key, value])
}

function die(at: string): (stage: string) => void {
  return (stage) => {
    if (stage === at) throw new Error('died')
  }
}
