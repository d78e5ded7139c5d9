import { execa } from 'execa'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { symlink, writeFile } from 'node:fs/promises'
import { basename, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { otherGitIn } from '../../../src/runner/lock-holder.ts'
import { mirrorDirectory } from '../../../src/runner/mirror.ts'
import { until } from '../../support/until.ts'
import { createGitWorld, failureIn, type GitWorld } from './git-world.ts'

const places: readonly [string, (world: GitWorld) => string][] = [
  ['the mirror', mirrorOf],
  ["the app's own repository", (world) => world.path('state/trees/blog.git')],
]

describe("a lock that somebody else's living git holds", () => {
  it.each(places)('in %s is waited for, and goes with its holder', async (_, placeOf) => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    const holder = await holdLock(`${placeOf(world)}/HEAD.lock`)
    const pushed = await world.repository.push({ 'a.txt': '2' })
    const note = (text: string) => {
      if (text.includes(`process ${holder.pid},`)) holder.end()
      world.notes.push(text)
      return Promise.resolve()
    }
    expect(await deploy(world, { note })).toEqual({ kind: 'checked_out' })
    expect(await world.git(world.path('srv/blog'), 'rev-parse', 'HEAD')).toBe(pushed.after)
    expect(world.notes.join('\n')).toContain(`process ${holder.pid}, which deployhook did not start, holds a lock in`)
  })

  it('fails the deployment whose time is up, by the name of the process, and stays', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    const holder = await holdLock(world.path('state/trees/blog.git/index.lock'))
    const controller = new AbortController()
    const note = () => {
      controller.abort('timed_out')
      return Promise.resolve()
    }
    const { reason, message } = failureIn(await deploy(world, { note, signal: controller.signal }))
    expect(reason).toBe('locked')
    expect(message).toContain(`process ${holder.pid}, which deployhook did not start, holds a lock in`)
    expect(world.has('state/trees/blog.git/index.lock')).toBe(true)
  })

  it('and has closed already, as that of a reference in a prepared transaction, is waited for until it is committed', async () => {
    const world = await createGitWorld()
    const { after: theirs } = await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    const mirror = mirrorOf(world)
    const git = await startGit(world, { args: ['update-ref', '--stdin'], env: { GIT_DIR: mirror } })
    await git.say(`start\nupdate refs/heads/theirs ${theirs}\nprepare\n`)
    await until('the lock', () => existsSync(`${mirror}/refs/heads/theirs.lock`))
    const pushed = await world.repository.push({ 'a.txt': '2' })
    const note = async (text: string) => {
      world.notes.push(text)
      await git.say('commit\n')
    }
    expect(await deploy(world, { note })).toEqual({ kind: 'checked_out' })
    expect(world.notes[0]).toContain(`process ${git.pid}, which deployhook did not start, holds a lock in ${mirror}`)
    expect(await world.git(mirror, 'rev-parse', 'refs/heads/theirs')).toBe(theirs)
    expect(await world.git(world.path('srv/blog'), 'rev-parse', 'HEAD')).toBe(pushed.after)
  })
})

type Start = {
  readonly cwd?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const ways: readonly [string, (world: GitWorld) => Start | Promise<Start>][] = [
  ['--git-dir=DIR', (world) => ({ args: [`--git-dir=${mirrorOf(world)}`] })],
  ['--git-dir=DIR/', (world) => ({ args: [`--git-dir=${mirrorOf(world)}/`] })],
  ['--git-dir DIR', (world) => ({ args: ['--git-dir', mirrorOf(world)] })],
  ['--git-dir DIR/', (world) => ({ args: ['--git-dir', `${mirrorOf(world)}/`] })],
  ['-C DIR', (world) => ({ args: ['-C', mirrorOf(world)] })],
  [
    'a relative path',
    (world) => ({ cwd: world.path('state'), args: [`--git-dir=mirrors/${basename(mirrorOf(world))}`] }),
  ],
  [
    'a relative path from where -C leads',
    (world) => ({
      args: ['-C', world.path('state/trees'), '--git-dir', relative(world.path('state/trees'), mirrorOf(world))],
    }),
  ],
  ['its own directory', (world) => ({ cwd: mirrorOf(world) })],
  ['a directory inside', (world) => ({ cwd: `${mirrorOf(world)}/objects` })],
  ['GIT_DIR', (world) => ({ env: { GIT_DIR: mirrorOf(world) } })],
  [
    'a relative GIT_DIR',
    (world) => ({
      cwd: world.path('state/trees'),
      env: { GIT_DIR: relative(world.path('state/trees'), mirrorOf(world)) },
    }),
  ],
  [
    'GIT_DIR, from a work tree in which git goes up',
    async (world) => {
      await world.write({ 'elsewhere/below/a.txt': '' })
      const env = { GIT_DIR: `../../state/mirrors/${basename(mirrorOf(world))}`, GIT_WORK_TREE: '..' }
      return { cwd: world.path('elsewhere/below'), env }
    },
  ],
  ['GIT_INDEX_FILE', (world) => ({ cwd: world.path('clone'), env: { GIT_INDEX_FILE: `${mirrorOf(world)}/index` } })],
  [
    'a symbolic link',
    async (world) => {
      await symlink(mirrorOf(world), world.path('link'))
      return { args: [`--git-dir=${world.path('link')}`] }
    },
  ],
  [
    'the .git file of a worktree',
    async (world) => {
      await world.git(
        mirrorOf(world),
        'worktree',
        'add',
        '-q',
        '--detach',
        world.path('worktree'),
        'refs/deployhook/tip/blog',
      )
      await world.write({ 'worktree/below/a.txt': '' })
      return { cwd: world.path('worktree/below') }
    },
  ],
]

describe('a git of somebody else', () => {
  it.each(ways)('is seen to be at work in a directory of ours that it knows by %s', async (_, startIn) => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    await writeFile(`${mirrorOf(world)}/index`, '')
    const git = await startGit(world, await startIn(world))
    await until('git to be seen', async () => (await otherGitIn(mirrorOf(world))) === git.pid, { withinMs: 5_000 })
    expect(await otherGitIn(world.path('state/trees/blog.git'))).toBeNull()
    git.end()
    await until('git to end', async () => (await otherGitIn(mirrorOf(world))) === null)
  })

  it('is seen also when the state directory is named by a symbolic link', async () => {
    const world = await createGitWorld()
    await world.write({ 'state/trees/blog.git/HEAD.lock': '' })
    await symlink(world.state, world.path('link'))
    const holder = await holdLock(world.path('state/trees/blog.git/index.lock'))
    expect(await otherGitIn(world.path('link/trees/blog.git'))).toBe(holder.pid)
  })

  it('is passed over where its files in /proc are not ours to read, and seen by a path in full', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root can become somebody else')
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    const mirror = mirrorOf(world)
    const hidden = await startGit(world, { cwd: mirror })
    const script = `import { otherGitIn } from '${fileURLToPath(new URL('../../../src/runner/lock-holder.ts', import.meta.url))}'
      console.log(await otherGitIn('${mirror}'))`
    const asNobody = async () =>
      (await execa('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', script]))
        .stdout
    expect(await asNobody()).toBe('null')
    hidden.end()
    const named = await startGit(world, { args: ['--git-dir', mirror] })
    await until('git to be seen', async () => (await asNobody()) === String(named.pid), {
      withinMs: 10_000,
    })
  })
})

function mirrorOf(world: GitWorld): string {
  return mirrorDirectory(world.state, world.app().repo)
}

async function deploy(world: GitWorld, change: Parameters<GitWorld['context']>[0]) {
  const context = world.context(change)
  const fetched = await world.workspace.fetch(world.app(), context)
  if (fetched.kind !== 'tip') return fetched
  return world.workspace.checkout(world.app(), fetched.revision, { ...context, deployment: 2, adopt: false })
}

/** By a process that is no child of ours, as when somebody runs git by hand. */
async function holdLock(file: string): Promise<{ readonly pid: number; end(): void }> {
  const script = '(exec 9>"$0"; echo "$BASHPID"; exec sleep 600 >&- 2>&-) & disown'
  const { stdout } = await execa('bash', ['-c', script, file], { stdin: 'ignore' })
  return endable(Number(stdout))
}

/** The same for a git, which works until it is ended and reads what it is told. */
async function startGit(world: GitWorld, { cwd = '/', args = [], env = {} }: Start) {
  const input = world.path(`input-${randomUUID()}`)
  const script = 'mkfifo "$0"; (exec git "$@" <>"$0" >/dev/null 2>&1) & echo $!; disown'
  const command = args.includes('--stdin') ? [] : ['cat-file', '--batch']
  const { stdout } = await execa('bash', ['-c', script, input, ...args, ...command], { cwd, env, stdin: 'ignore' })
  return { ...endable(Number(stdout)), say: (text: string) => writeFile(input, text) }
}

function endable(pid: number): { readonly pid: number; end(): void } {
  const end = () => {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  onTestFinished(end)
  return { pid, end }
}
