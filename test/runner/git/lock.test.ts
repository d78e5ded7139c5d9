import { execa } from 'execa'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mirrorDirectory } from '../../../src/runner/mirror.ts'
import { createGitWorld, failureIn, type GitWorld } from './git-world.ts'

const places: readonly [string, (world: GitWorld) => string][] = [
  ['the mirror', (world) => mirrorDirectory(world.state, world.app().repo)],
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
})

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
  const pid = Number(stdout)
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
