import { execa } from 'execa'
import { chmod, lstat, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createGitWorld, failureIn, operator, type GitWorld } from './git-world.ts'

describe('what a step plants', () => {
  it('in the configuration and hooks of the git it sees is never run by the daemon', async () => {
    const world = await createGitWorld()
    const step = await planting(world)
    // A negative control: the same plants do run when somebody uses git in the tree.
    await step('git add a.txt')
    expect(await world.read('PWNED')).not.toBe('')
    await rm(world.path('PWNED'))
    await redeploy(world, 2)
    expect(world.has('PWNED')).toBe(false)
    expect(await world.read('srv/blog/a.txt')).toBe('next')
  })

  it('as a .git directory or link of its own is moved away unread', async () => {
    const world = await createGitWorld()
    const step = await planting(world)
    await step(
      'rm .git && git init -q && cp "$PLANTED" .git/config && git -c core.fsmonitor= -c core.hooksPath=/dev/null commit -q --allow-empty -m x',
    )
    await rm(world.path('PWNED'), { force: true })
    await redeploy(world, 2)
    expect(world.has('PWNED')).toBe(false)
    expect(world.has('state/adopted/blog-2.git/HEAD')).toBe(true)

    await step('rm .git && ln -s /etc/passwd .git')
    await redeploy(world, 3)
    expect((await lstat(world.path('state/adopted/blog-3.git'))).isSymbolicLink()).toBe(true)
    expect(await readFile('/etc/passwd', 'utf8')).toContain('root')
    expect(await world.read('srv/blog/.git')).toBe(`gitdir: ${world.path('state/views/blog.git')}\n`)

    await step(
      'rm .git && printf "gitdir: %s\\n" "$PWD/evil" > .git && git init -q --bare evil && cp "$PLANTED" evil/config',
    )
    await redeploy(world, 4)
    expect(world.has('PWNED')).toBe(false)
    expect(await world.read('state/adopted/blog-4.git')).toContain('evil')

    await step('rm .git')
    await redeploy(world, 5)
    expect(await world.git(world.path('srv/blog'), 'status', '--porcelain', '--untracked-files=no')).toBe('')
  })

  it('as a repository where a submodule belongs is never looked into', async () => {
    const world = await createGitWorld()
    const step = await planting(world)
    const head = await world.repository.git('rev-parse', 'HEAD')
    await world.repository.git('update-index', '--add', '--cacheinfo', `160000,${head},lib`)
    await world.repository.git('commit', '-q', '-m', 'submodule')
    await world.repository.git('push', '-q', 'origin', 'HEAD:refs/heads/main')
    await world.deployed(world.app(), 2)
    // Its HEAD is the very commit that the tree names: only then would git ask whether it is dirty, by its own config.
    const plant = 'cp "$PLANTED" .git/config && git config --unset core.worktree && git config --unset core.hooksPath'
    await step(`git init -q lib && cd lib && git fetch -q "$BARE" main && git reset -q --hard ${head} && ${plant}`)
    await world.write({ 'srv/blog/lib/a.txt': 'changed' })
    await step('git --git-dir="$TREE" --work-tree=. diff-files')
    expect(await world.read('PWNED')).not.toBe('')
    await rm(world.path('PWNED'))
    await world.workspace.recordBuilt(world.app(), world.context())
    await world.deployed(world.app(), 3)
    expect(world.has('PWNED')).toBe(false)
  })

  it('in the mirror or the tree’s own repository as configuration is written over', async () => {
    const world = await createGitWorld()
    await planting(world)
    const planted = await world.read('planted')
    for (const name of await execa('ls', [world.path('state/mirrors')]).then(({ stdout }) => stdout.split('\n'))) {
      await writeFile(world.path('state/mirrors', name, 'config'), planted)
      await mkdir(world.path('state/mirrors', name, 'hooks'), { recursive: true })
      await writeFile(world.path('state/mirrors', name, 'hooks/reference-transaction'), await world.read('pwn'), {
        mode: 0o755,
      })
    }
    await writeFile(world.path('state/trees/blog.git/config'), planted)
    await redeploy(world, 2)
    expect(world.has('PWNED')).toBe(false)
  })

  it('as a flag in its index hides nothing from the daemon', async () => {
    const world = await createGitWorld()
    const step = await planting(world)
    await rm(world.path('state/views/blog.git/config'))
    await step('git update-index --assume-unchanged a.txt && echo hidden > a.txt')
    await redeploy(world, 2)
    expect(await world.read('srv/blog/a.txt')).toBe('next')
    expect(await world.git(world.path('state/trees/blog.git'), 'show', 'refs/deployhook/dirty/2:a.txt')).toBe('hidden')
  })

  it('as links in the tree leads no write outside of it', async () => {
    const world = await createGitWorld()
    const step = await planting(world)
    await world.write({ 'outside/b.txt': 'outside', 'outside/sub/c.txt': 'outside' })
    await world.repository.push({ 'dir/sub/c.txt': '1', 'dir/b.txt': '1' })
    await redeploy(world, 2)
    await step(
      'rm -r dir && ln -s ../../outside dir && rm -f .git.deployhook-new && ln -s ../../outside/b.txt .git.deployhook-new && rm .git',
    )
    await world.repository.push({ 'dir/sub/c.txt': '2', 'dir/b.txt': '2' })
    await redeploy(world, 3)
    expect(await world.read('outside/b.txt')).toBe('outside')
    expect(await world.read('outside/sub/c.txt')).toBe('outside')
    expect(await world.read('srv/blog/dir/sub/c.txt')).toBe('2')
    expect((await lstat(world.path('srv/blog/dir'))).isDirectory()).toBe(true)
  })

  it('refuses a pushed tree that would write into .git', async () => {
    const world = await createGitWorld()
    await planting(world)
    const blob = await world.repository.git('rev-parse', 'HEAD:a.txt')
    const git = (args: readonly string[], input: string) =>
      execa('git', ['-C', world.repository.clone, ...args], { input, env: operator })
    const hooks = (await git(['mktree'], `100755 blob ${blob}\tpost-checkout\n`)).stdout
    const tree = (await git(['mktree'], `040000 tree ${hooks}\t.GIT\n`)).stdout
    const { stdout: commit } = await git(['commit-tree', tree, '-m', 'evil'], '')
    await world.repository.git('push', '-q', '--force', 'origin', `${commit}:refs/heads/main`)
    const fetched = failureIn(await world.workspace.fetch(world.app(), world.context()))
    expect(fetched.reason).toBe('bad_objects')
    expect(fetched.message).toMatch(/hasDotgit/)
    expect(fetched.message).not.toMatch(/Delete/)
  })
})

/** Deploys once, plants all it can as a step would, and gives a way to run further steps in the tree. */
async function planting(world: GitWorld): Promise<(script: string) => Promise<void>> {
  await world.repository.push({ 'a.txt': 'first', '.gitattributes': '* filter=evil diff=evil\n' })
  await world.deployed(world.app(), 1)
  const run = world.path('pwn')
  await writeFile(run, `#!/bin/sh\necho "$0 $*" >> ${world.path('PWNED')}\ncat\n`)
  await chmod(run, 0o755)
  const view = world.path('state/views/blog.git')
  await mkdir(join(view, 'hooks'), { recursive: true })
  for (const hook of ['reference-transaction', 'post-checkout', 'post-index-change'])
    await symlink(run, join(view, 'hooks', hook))
  const settings = {
    'core.fsmonitor': run,
    'core.sshCommand': run,
    'core.hooksPath': join(view, 'hooks'),
    'core.worktree': world.path('elsewhere'),
    'filter.evil.clean': run,
    'filter.evil.smudge': run,
    'diff.evil.textconv': run,
    'diff.external': run,
    'uploadpack.packObjectsHook': run,
    'remote.origin.uploadpack': run,
    [`url.${world.path('elsewhere')}.insteadOf`]: world.repository.bare,
  }
  for (const [key, value] of Object.entries(settings)) {
    await execa('git', ['config', '--file', world.path('planted'), key, value])
    if (key !== 'core.worktree') await execa('git', ['config', '--file', join(view, 'config'), key, value])
  }
  const cwd = world.path('srv/blog')
  const env = {
    ...operator,
    PLANTED: world.path('planted'),
    BARE: world.repository.bare,
    TREE: world.path('state/trees/blog.git'),
  }
  return async (script) => {
    await execa('sh', ['-eu', '-c', script], { cwd, env, stdin: 'ignore' })
  }
}

async function redeploy(world: GitWorld, id: number): Promise<void> {
  await world.repository.push({ 'a.txt': 'next' })
  await world.deployed(world.app(), id)
}
