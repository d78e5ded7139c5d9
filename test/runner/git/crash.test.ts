import { writeFileSync } from 'node:fs'
import { rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createGitWorld } from './git-world.ts'

describe('a daemon that dies in the middle', () => {
  it.each(['before-fetch', 'after-fetch', 'before-checkout', 'in-checkout', 'after-checkout'])(
    'of a deployment at %s leaves what the next one finishes',
    async (stage) => {
      const dying = { at: '' }
      const world = await createGitWorld({
        failPoint: (reached) => {
          if (reached === dying.at) throw new Error('died')
        },
      })
      await world.repository.push({ 'a.txt': '1', 'gone.txt': 'x' })
      await world.deployed(world.app(), 1)
      await world.repository.git('rm', '-q', 'gone.txt')
      const pushed = await world.repository.push({ 'a.txt': '2', 'new.txt': '2' })
      dying.at = stage
      await expect(world.deploy(world.app(), 2)).rejects.toThrow('died')

      dying.at = ''
      expect(await world.deployed(world.app(), 2)).toBe(pushed.after)
      expect(await world.read('srv/blog/a.txt')).toBe('2')
      expect(world.has('srv/blog/gone.txt')).toBe(false)
      expect(await world.git(world.path('srv/blog'), 'status', '--porcelain')).toBe('')
      expect(world.notes).toEqual([])
    },
  )

  it('of writing files is healed without taking the half-written tree for somebody’s work', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1', 'b.txt': '1', 'gone.txt': 'x' })
    await world.deployed(world.app(), 1)
    await world.repository.git('rm', '-q', 'gone.txt')
    const half = await world.repository.push({ 'a.txt': '2', 'b.txt': '2', 'new.txt': '2' })
    const own = world.path('state/trees/blog.git')
    const memory = JSON.parse(await world.read('state/trees/blog.git/deployhook.json')) as object
    await world.fetchTip(world.app())
    await writeFile(join(own, 'deployhook.json'), JSON.stringify({ ...memory, underway: half.after }))
    await world.write({ 'srv/blog/a.txt': '2', 'srv/blog/new.txt': '2' })
    await unlink(world.path('srv/blog/gone.txt'))
    for (const name of [
      'index.lock',
      'HEAD.lock',
      'refs/deployhook/x.lock',
      'index.saving',
      'deployhook.json.new',
      'HEAD.new',
    ]) {
      await world.write({ [`state/trees/blog.git/${name}`]: 'half' })
    }
    await world.write({ 'state/views/blog.git.making/HEAD': 'half', 'srv/blog/.git.deployhook-new': 'half' })

    const third = await world.repository.push({ 'a.txt': '3', 'new.txt': '3' })
    expect(await world.deployed(world.app(), 2)).toBe(third.after)
    expect(await world.read('srv/blog/new.txt')).toBe('3')
    expect(await world.git(own, 'for-each-ref', 'refs/deployhook/dirty')).toBe('')
    expect(world.notes.join('\n')).toContain('index.lock')
    expect(await world.git(world.path('srv/blog'), 'status', '--porcelain', '--untracked-files=no')).toBe('')
  })

  it('with a broken index has it made again, and still sees what somebody changed', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1', 'gone.txt': 'x' })
    await world.deployed(world.app(), 1)
    writeFileSync(world.path('state/trees/blog.git/index'), 'not an index')
    await world.write({ 'srv/blog/a.txt': 'mine' })
    await world.repository.git('rm', '-q', 'gone.txt')
    await world.repository.push({ 'a.txt': '2' })
    await world.deployed(world.app(), 2)
    expect(world.has('srv/blog/gone.txt')).toBe(false)
    expect(await world.git(world.path('state/trees/blog.git'), 'show', 'refs/deployhook/dirty/2:a.txt')).toBe('mine')
  })

  it('and loses the memory of the tree, or the mirror with the deployed commit, costs nothing of yours', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1', 'b.txt': '1' })
    await world.repository.push({ 'a.txt': '2' })
    await world.deployed(world.app(), 1)
    await world.write({ 'srv/blog/a.txt': 'mine', 'state/trees/blog.git/deployhook.json': 'garbage' })
    await world.repository.git('reset', '-q', '--hard', 'HEAD^')
    const rewritten = await world.repository.push({ 'a.txt': '3' }, { force: true })
    await rm(world.path('state/mirrors'), { recursive: true })

    expect(await world.deployed(world.app(), 2)).toBe(rewritten.after)
    expect(await world.read('srv/blog/a.txt')).toBe('3')
    const own = world.path('state/trees/blog.git')
    expect(await world.git(own, 'show', 'refs/deployhook/dirty/2:a.txt')).toBe('mine')
    // Without the commit to compare with, more is saved than was changed.
    expect(await world.git(own, 'ls-tree', '--name-only', 'refs/deployhook/dirty/2')).toContain('a.txt')
  })
})
