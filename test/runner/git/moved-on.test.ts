import { lstat, rename, symlink, utimes } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { createGitWorld } from './git-world.ts'

it('a hotfix on the server that is pushed as it is: the index is the revision, and a later edit is saved', async () => {
  const world = await createGitWorld()
  await world.repository.push({ 'a.txt': 'old\n', z: '1' })
  await world.deployed(world.app(), 1)
  await world.write({ 'srv/blog/a.txt': 'hotfix\n' })
  await world.repository.push({ 'a.txt': 'hotfix\n' })
  const hotfixed = await world.deployed(world.app(), 2)
  const own = `--git-dir=${world.path('state/trees/blog.git')}`

  expect(await world.git(world.dir, own, 'diff-index', '--cached', hotfixed)).toBe('')
  expect(await world.git(world.path('srv/blog'), 'status', '--porcelain')).toBe('')

  await world.write({ 'srv/blog/a.txt': 'old\n' })
  await world.repository.push({ z: '2' })
  await world.deployed(world.app(), 3)

  expect(await world.read('srv/blog/a.txt')).toBe('hotfix\n')
  expect(await world.git(world.dir, own, 'show', 'refs/deployhook/dirty/3:a.txt')).toBe('old')
})

it('a symbolic link that took the place of a directory is saved before a push writes into it', async () => {
  const world = await createGitWorld()
  await world.repository.push({ 'dir/a.txt': '1\n', z: '1' })
  await world.deployed(world.app(), 1)
  await rename(world.path('srv/blog/dir'), world.path('big'))
  await symlink(world.path('big'), world.path('srv/blog/dir'))
  await world.repository.push({ 'dir/a.txt': '2\n' })
  await world.deployed(world.app(), 2)

  expect((await lstat(world.path('srv/blog/dir'))).isDirectory()).toBe(true)
  expect(await world.read('big/a.txt')).toBe('1\n')
  expect(
    await world.git(
      world.dir,
      `--git-dir=${world.path('state/trees/blog.git')}`,
      'show',
      'refs/deployhook/dirty/2:dir',
    ),
  ).toBe(world.path('big'))
})

it('files that only got other times are no obstacle, and nothing is saved of them', async () => {
  const world = await createGitWorld()
  await world.repository.push({ 'a.txt': '1', 'b.txt': 'b', 'c.txt': 'c' })
  await world.deployed(world.app(), 1)
  for (const name of ['b.txt', 'c.txt']) await utimes(world.path('srv/blog', name), 5, 5)
  await world.repository.push({ 'a.txt': '2' })
  const revision = await world.deployed(world.app(), 2)
  const own = `--git-dir=${world.path('state/trees/blog.git')}`

  expect(world.notes.filter((note) => note.includes('saved'))).toEqual([])
  // Looked at once: the next push has no reason to read them.
  expect(await world.git(world.dir, own, `--work-tree=${world.path('srv/blog')}`, 'diff-files', '--name-only')).toBe('')
  expect(await world.git(world.dir, own, 'diff-index', '--cached', revision)).toBe('')
})
