import { execa } from 'execa'
import { lstat, mkdir, readFile, readlink, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createGitWorld, failureIn, operator, type GitWorld } from './git-world.ts'

const saved = 'refs/deployhook/dirty'

describe('checking out', () => {
  it('makes the tree exactly the revision, with a git that steps can ask', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1', 'dir/gone.txt': 'x' })
    await world.repository.git('tag', '-a', 'v1', '-m', 'one')
    await world.repository.git('push', '-q', 'origin', 'v1')
    await world.deployed(world.app(), 1)
    await world.repository.git('rm', '-q', '-r', 'dir')
    const second = await world.repository.push({ 'a.txt': '2' })
    await world.deployed(world.app(), 2)

    const tree = world.path('srv/blog')
    expect(await world.read('srv/blog/a.txt')).toBe('2')
    expect(world.has('srv/blog/dir')).toBe(false)
    expect(await world.git(tree, 'status', '--porcelain')).toBe('')
    expect(await world.git(tree, 'rev-parse', 'HEAD')).toBe(second.after)
    expect(await world.git(tree, 'describe')).toMatch(/^v1-1-g/)
    expect(await world.git(tree, 'remote', 'get-url', 'origin')).toBe(world.repository.bare)
    expect(await world.git(tree, 'fsck')).toBe('')
    expect(world.notes).toEqual([])
    expect((await lstat(world.state)).mode & 0o077).toBe(0)
  })

  it('keeps untracked and ignored files', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1', '.gitignore': 'node_modules/\n' })
    await world.deployed(world.app(), 1)
    await world.write({ 'srv/blog/uploads/me.png': 'mine', 'srv/blog/node_modules/x/index.js': 'x' })
    await world.repository.push({ 'a.txt': '2' })
    await world.deployed(world.app(), 2)
    expect(await world.read('srv/blog/uploads/me.png')).toBe('mine')
    expect(await world.read('srv/blog/node_modules/x/index.js')).toBe('x')
    expect(world.notes).toEqual([])
  })

  it('saves what was changed in the tree, and the commands it tells give it back', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1\n', 'b.txt': '1\n', 'deleted.txt': '1', 'dir/*.txt': 'star\n' })
    await world.deployed(world.app(), 1)
    await world.write({ 'srv/blog/a.txt': 'mine\n', 'srv/blog/dir/*.txt': 'my star\n' })
    await unlink(world.path('srv/blog/deleted.txt'))
    await world.repository.push({ 'a.txt': '2\n' })
    await world.deployed(world.app(), 2)

    expect(await world.read('srv/blog/a.txt')).toBe('2\n')
    expect(await world.read('srv/blog/deleted.txt')).toBe('1')
    const note = world.notes.join('\n')
    expect(note).toContain('a.txt, deleted.txt, dir/*.txt')
    const look = /to look at them: (.*)/.exec(note)?.[1] ?? ''
    const shown = (await execa('sh', ['-c', look], { cwd: '/', env: operator })).stdout
    expect(shown).toContain('-1\n+mine')
    expect(shown).not.toContain('b.txt')
    const restore = /to get them back: (.*)/.exec(note)?.[1] ?? ''
    await execa('sh', ['-eu', '-c', restore], { cwd: '/', env: operator })
    expect(await world.read('srv/blog/a.txt')).toBe('mine\n')
    expect(await world.read('srv/blog/dir/*.txt')).toBe('my star\n')
    expect(await world.read('srv/blog/b.txt')).toBe('1\n')
  })

  it.each([
    ['edited, and the push changes it', 'a.txt', 'mine', true],
    ['edited, and the push changes others', 'b.txt', 'mine', true],
    ['deleted, and the push changes it', 'a.txt', null, true],
    ['deleted, and the push changes others', 'b.txt', null, true],
    ['ignored and untracked, and the push adds it', 'config.local', 'mine', true],
    ['written anew as it was, and the push changes it', 'a.txt', '1', false],
  ])('saves what is %s, if it is somebody’s', async (_, name, text, isSaved) => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1', 'b.txt': '1', '.gitignore': '*.local' })
    await world.deployed(world.app(), 1)
    if (text === null) await unlink(world.path('srv/blog', name))
    else await world.write({ [`srv/blog/${name}`]: text })
    await world.repository.git('add', '-f', '.')
    await world.repository.push({ 'a.txt': '2', ...(name === 'config.local' ? { '.gitignore': '', [name]: '2' } : {}) })
    await world.deployed(world.app(), 2)

    expect(await world.read('srv/blog/a.txt')).toBe('2')
    expect(await world.git(world.path('srv/blog'), 'status', '--porcelain')).toBe('')
    expect(world.notes.length).toBe(isSaved ? 1 : 0)
    const shown = world.git(world.path('state/trees/blog.git'), 'show', `${saved}/2:${name}`)
    if (isSaved && text !== null) expect(await shown).toBe(text)
    else await expect(shown).rejects.toThrow(/exists on disk|does not exist|invalid object/)
  })

  it('saves untracked files, links and whole directories that the revision would overwrite', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    await world.write({
      'srv/blog/config.json': 'mine',
      'srv/blog/dist/deep/app.js': 'built by hand',
      'srv/blog/lib': 'a file where a directory goes',
      'outside/secret.txt': 'not of the tree',
    })
    await symlink(world.path('outside'), world.path('srv/blog/linked'))
    await world.repository.push({
      'config.json': 'theirs',
      dist: 'a file now',
      'lib/index.js': 'x',
      'linked/secret.txt': 'theirs',
    })
    await world.deployed(world.app(), 2)

    expect(await world.read('srv/blog/config.json')).toBe('theirs')
    expect(await world.read('srv/blog/dist')).toBe('a file now')
    expect(await world.read('srv/blog/linked/secret.txt')).toBe('theirs')
    expect(await world.read('outside/secret.txt')).toBe('not of the tree')
    const commit = `${saved}/2`
    const trees = join(world.state, 'trees/blog.git')
    expect(await world.git(trees, 'show', `${commit}:config.json`)).toBe('mine')
    expect(await world.git(trees, 'show', `${commit}:dist/deep/app.js`)).toBe('built by hand')
    expect(await world.git(trees, 'show', `${commit}:lib`)).toBe('a file where a directory goes')
    expect(await world.git(trees, 'show', `${commit}:linked`)).toBe(world.path('outside'))
    const restore = /to get them back: (.*)/.exec(world.notes.join('\n'))?.[1] ?? ''
    await execa('sh', ['-eu', '-c', restore], { cwd: '/', env: operator })
    expect(await world.read('srv/blog/dist/deep/app.js')).toBe('built by hand')
    expect(await readlink(world.path('srv/blog/linked'))).toBe(world.path('outside'))
  })

  it('moves a directory in the way that holds a repository of its own as a whole', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    await world.git(world.dir, 'init', '-q', world.path('srv/blog/vendor'))
    await world.write({ 'srv/blog/vendor/mine.txt': 'mine' })
    await world.repository.push({ vendor: 'a file now' })
    await world.deployed(world.app(), 2)
    expect(await world.read('srv/blog/vendor')).toBe('a file now')
    expect(await world.read('state/adopted/blog-2-vendor/mine.txt')).toBe('mine')
    expect(world.has('state/adopted/blog-2-vendor/.git/HEAD')).toBe(true)
  })

  it('does not save what only the build changed', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'package-lock.json': '1', 'a.txt': '1', 'removed-by-build.txt': 'x' })
    await world.deployed(world.app(), 1)
    await world.write({ 'srv/blog/package-lock.json': 'as built' })
    await unlink(world.path('srv/blog/removed-by-build.txt'))
    await world.workspace.recordBuilt(world.app(), world.context())
    await world.repository.push({ 'a.txt': '2' })
    await world.deployed(world.app(), 2)
    expect(await world.read('srv/blog/package-lock.json')).toBe('1')
    expect(world.notes).toEqual([])

    await world.write({ 'srv/blog/package-lock.json': 'as built' })
    await world.workspace.recordBuilt(world.app(), world.context())
    await world.write({ 'srv/blog/package-lock.json': 'edited after the build' })
    await world.deployed(world.app(), 3)
    expect(await world.git(join(world.state, 'trees/blog.git'), 'show', `${saved}/3:package-lock.json`)).toBe(
      'edited after the build',
    )
  })

  it('keeps what an earlier attempt of the same deployment saved', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    for (const text of ['mine', 'also mine', 'mine']) {
      await world.write({ 'srv/blog/a.txt': text })
      await world.deployed(world.app(), 2)
    }
    const trees = join(world.state, 'trees/blog.git')
    expect(await world.git(trees, 'show', `${saved}/2:a.txt`)).toBe('mine')
    expect(await world.git(trees, 'show', `${saved}/2-2:a.txt`)).toBe('also mine')
    expect(await world.git(trees, 'for-each-ref', '--format=%(refname)', saved)).toBe(`${saved}/2\n${saved}/2-2`)
  })

  it('accepts files whose committed line endings an attribute contradicts, every time', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': 'one\r\ntwo\r\n', 'b.txt': '1' })
    // One by one: `git add -A` may normalise a.txt.
    const pushOnly = async (name: string, text: string): Promise<void> => {
      await world.write({ [`clone/${name}`]: text })
      await world.repository.git('add', name)
      await world.repository.git('commit', '-q', '-m', name)
      await world.repository.git('push', '-q', 'origin', 'HEAD:refs/heads/main')
    }
    await pushOnly('.gitattributes', 'a.txt text\n')
    await world.deployed(world.app(), 1)
    for (const id of [2, 3]) {
      // As if it had been touched: now git compares its contents.
      await utimes(world.path('srv/blog/a.txt'), id, id)
      await pushOnly('b.txt', String(id))
      await world.deployed(world.app(), id)
      expect(await world.read('srv/blog/a.txt')).toBe('one\r\ntwo\r\n')
    }
    expect(await world.git(world.path('state/trees/blog.git'), 'cat-file', '-s', 'HEAD:a.txt')).toBe('10')
    expect(world.notes).toEqual([])
  })

  it('takes names of any bytes', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    const name = Buffer.from([0x66, 0xff, 0x0a, 0x67])
    const inTree = (root: string) => Buffer.concat([Buffer.from(`${root}/`), name])
    await writeFile(inTree(world.path('srv/blog')), 'mine')
    await writeFile(inTree(world.repository.clone), 'theirs')
    await world.repository.push({ 'ü.txt': 'u' })
    await world.deployed(world.app(), 2)
    expect(await readFile(inTree(world.path('srv/blog')), 'utf8')).toBe('theirs')
    expect(await world.git(join(world.state, 'trees/blog.git'), 'grep', '-h', 'mine', `${saved}/2`)).toBe('mine')
  })

  it('fails when the tree cannot be made to hold the revision', async () => {
    const world = await createGitWorld({
      failPoint: (stage) => {
        if (stage === 'in-checkout') interfere()
      },
    })
    let interfere = (): void => undefined
    await world.repository.push({ 'a.txt': '1', 'b.txt': '1' })
    const { writeFileSync } = await import('node:fs')
    interfere = () => {
      writeFileSync(world.path('srv/blog/b.txt'), 'meanwhile')
    }
    const { reason, message } = failureIn(await world.deploy(world.app(), 1))
    expect(reason).toBe('checkout_mismatch')
    expect(message).toContain('b.txt')
    expect(message).not.toContain('a.txt')
  })

  it('says what to do where the path may not be made', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    const path = '/sys/blog' // Nobody may, not even root.
    const { reason, message } = failureIn(await world.deploy(world.app({ path }), 1))
    expect(reason).toBe('path_unusable')
    expect(message).toContain(`As root: install -d -o USER ${path}`)
  })

  it('says of a name that the disk cannot take what to do, in a new tree and in one that is live', async () => {
    const world = await createGitWorld()
    const first = await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    const blob = await world.repository.git('rev-parse', 'HEAD:a.txt')
    await world.repository.git('update-index', '--add', '--cacheinfo', `100644,${blob},${'x'.repeat(300)}`)
    await world.repository.git('commit', '-q', '-m', 'too long')
    await world.repository.git('push', '-q', 'origin', 'HEAD:refs/heads/main')
    for (const app of [world.app(), world.app({ name: 'new', path: world.path('srv/new') })]) {
      const { reason, message } = failureIn(await world.deploy(app, 2))
      expect(reason).toBe('path_unusable')
      expect(message).toContain(`a name that the disk of ${app.path} cannot`)
    }
    expect(await world.git(world.path('srv/blog'), 'rev-parse', 'HEAD')).toBe(first.after)

    await world.repository.git('rm', '-q', '--cached', 'x'.repeat(300))
    await world.repository.push({ 'a.txt': '2' })
    await world.deployed(world.app(), 3)
    expect(await world.read('srv/blog/a.txt')).toBe('2')
  })

  it('warns of submodules and of LFS pointers, and deploys the rest', async () => {
    const world = await createGitWorld()
    const first = await world.repository.push({ 'a.txt': '1' })
    await world.repository.git('update-index', '--add', '--cacheinfo', `160000,${first.after},vendor/lib`)
    await world.repository.git('commit', '-q', '-m', 'submodule')
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:aaaa\nsize 12345\n'
    await world.write({
      'clone/.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
      'clone/big.bin': pointer,
    })
    await world.repository.git('add', '.gitattributes', 'big.bin')
    await world.repository.git('commit', '-q', '-m', 'lfs')
    await world.repository.git('push', '-q', 'origin', 'HEAD:refs/heads/main')
    await world.deployed(world.app(), 1)
    expect(world.notes.join('\n')).toMatch(/submodules are not fetched.*vendor\/lib/)
    expect(world.notes.join('\n')).toMatch(/LFS is not supported.*big\.bin/)
    expect(await world.read('srv/blog/big.bin')).toBe(pointer)
    expect((await lstat(world.path('srv/blog/vendor/lib'))).isDirectory()).toBe(true)

    await world.write({ 'srv/blog/vendor/lib/mine.txt': 'put there by a step' })
    await world.repository.git('rm', '-q', '--cached', 'vendor/lib')
    await rm(world.path('clone/vendor'), { recursive: true, force: true })
    await world.repository.push({ 'vendor/lib': 'a file now' })
    await world.deployed(world.app(), 2)
    expect(await world.read('srv/blog/vendor/lib')).toBe('a file now')
    expect(await world.git(join(world.state, 'trees/blog.git'), 'show', `${saved}/2:vendor/lib/mine.txt`)).toBe(
      'put there by a step',
    )
  })

  it('keeps what somebody committed or stashed in the tree', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    await world.write({ 'srv/blog/a.txt': 'hotfix' })
    await world.git(world.path('srv/blog'), 'commit', '-q', '-a', '-m', 'Hotfix on the server')
    await world.repository.push({ 'b.txt': '2' })
    await world.deployed(world.app(), 2)
    const kept = world.path('state/adopted/blog-2-view.git')
    expect(await world.git(kept, 'log', '-1', '--format=%s')).toBe('Hotfix on the server')
    expect(world.notes.join('\n')).toContain(kept)
    expect(await world.git(join(world.state, 'trees/blog.git'), 'show', `${saved}/2:a.txt`)).toBe('hotfix')
  })

  it('follows an app to its new name, and a tree to its new path', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    await world.write({ 'srv/blog/a.txt': 'mine' })
    await world.workspace.rename('blog', 'site')
    await world.workspace.rename('blog', 'site')
    const tree = world.path('srv/blog')
    expect(await world.read('srv/blog/.git')).toBe(`gitdir: ${world.path('state/views/site.git')}\n`)
    expect(await world.git(tree, 'log', '--format=%s')).toBe('Change a.txt')

    await rename(tree, world.path('srv/site'))
    await world.deployed(world.app({ name: 'site', path: world.path('srv/site') }), 2)
    expect(await world.git(join(world.state, 'trees/site.git'), 'show', `${saved}/2:a.txt`)).toBe('mine')
    expect(await world.read('srv/site/a.txt')).toBe('1')
  })

  it('deploys two apps of one repository side by side', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': 'main' })
    await world.repository.push({ 'a.txt': 'next' }, { branch: 'next' })
    const shop = world.app({ name: 'shop', branch: 'next', path: world.path('srv/shop') })
    await world.deployed(world.app(), 1)
    await world.deployed(shop, 2)
    expect(await world.read('srv/blog/a.txt')).toBe('main')
    expect(await world.read('srv/shop/a.txt')).toBe('next')
  })

  it('makes a deleted or emptied tree anew, and saves nothing of it', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    await rm(world.path('srv/blog'), { recursive: true })
    await world.deployed(world.app(), 2)
    await rm(world.path('srv/blog'), { recursive: true })
    await mkdir(world.path('srv/blog'))
    await world.deployed(world.app(), 3)
    expect(await world.read('srv/blog/a.txt')).toBe('1')
    expect(await savedRefs(world)).toBe('')
  })
})

async function savedRefs(world: GitWorld): Promise<string> {
  return world.git(join(world.state, 'trees/blog.git'), 'for-each-ref', '--format=%(refname)', saved)
}
