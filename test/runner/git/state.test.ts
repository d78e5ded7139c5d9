import { chmod, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { mirrorDirectory } from '../../../src/runner/mirror.ts'
import { createGitWorld, failureIn, type GitWorld } from './git-world.ts'

/** Where something stands in the way of an app that was deployed before. */
const places: readonly [string, (world: GitWorld) => string][] = [
  ['the place of mirrors', (world) => dirname(mirrorOf(world))],
  ['its own index', (world) => world.path('state/trees/blog.git')],
  ['the place of trees', (world) => world.path('state/trees')],
  ['the place of views', (world) => world.path('state/views')],
]

describe('a state directory that cannot be used while the daemon runs', () => {
  it.each(places)('fails the deployment and names what to move away: %s is a file', async (_, placeOf) => {
    const world = await createGitWorld()
    const pushed = await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    const place = placeOf(world)
    await rm(place, { recursive: true })
    await writeFile(place, '')

    const { reason, message } = failureIn(await deploy(world))
    expect(reason).toBe('state_unusable')
    expect(message).toMatch(
      new RegExp(` ${place} is not a directory, but deployhook keeps one there: move it away and deploy again\\.$`),
    )
    expect(message).not.toContain('install -d')

    await rm(place)
    expect(await world.deployed(world.app(), 2)).toBe(pushed.after)
  })

  it.each([
    ['the mirror', (world: GitWorld) => join(mirrorOf(world), 'packed-refs.lock')],
    ["the app's own repository", (world: GitWorld) => world.path('state/trees/blog.git/index.lock')],
  ])(
    'fails the deployment and names what to move away: a directory has the name of a lock in %s',
    async (_, lockIn) => {
      const world = await createGitWorld()
      await world.repository.push({ 'a.txt': '1' })
      await world.deployed(world.app(), 1)
      await world.git(mirrorOf(world), 'pack-refs', '--all')
      const pushed = await world.repository.push({ 'a.txt': '2' })
      const lock = lockIn(world)
      await mkdir(join(lock, 'inside'), { recursive: true })

      const { reason, message } = failureIn(await deploy(world))
      expect(reason).toBe('state_unusable')
      expect(message).toMatch(
        new RegExp(` ${lock} is a directory, but git makes its lock there: move it away and deploy again\\.$`),
      )
      await rm(lock, { recursive: true })
      expect(await world.deployed(world.app(), 2)).toBe(pushed.after)
    },
  )

  it('fails the deployment and names what to move away: a directory stands where a file of its own belongs', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await rm(world.path('state/git.config'), { force: true })
    await mkdir(world.path('state/git.config/inside'), { recursive: true })
    const { reason, message } = failureIn(await deploy(world))
    expect(reason).toBe('state_unusable')
    expect(message).toContain(
      `${world.path('state/git.config')} is a directory, but deployhook keeps a file there: move it away and deploy again.`,
    )
    expect(message).not.toContain('install -d')
  })

  it('has the mirror made anew where a file stands in its place, which is kept beside it', async () => {
    const world = await createGitWorld()
    const pushed = await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    const mirror = mirrorOf(world)
    await rm(mirror, { recursive: true })
    await writeFile(mirror, 'somebody’s')

    expect(await world.deployed(world.app(), 2)).toBe(pushed.after)
    const kept = (await readdir(dirname(mirror))).find((name) => name.includes('.broken-'))
    expect(await readFile(join(dirname(mirror), kept ?? ''), 'utf8')).toBe('somebody’s')
  })

  it.for(['', '/objects/pack'])('names what of the mirror this user may not write to: %s', async (inside, { skip }) => {
    if (process.getuid?.() === 0) skip('root may write everywhere')
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    await world.repository.push({ 'a.txt': '2' })
    const place = `${mirrorOf(world)}${inside}`
    await chmod(place, 0o500)

    const { reason, message } = failureIn(await deploy(world))
    await chmod(place, 0o700)
    expect(reason).toBe('state_unusable')
    expect(message).toContain(`${place} may not be written to by this user: as root, chown -R USER ${world.state}`)
  })
})

function mirrorOf(world: GitWorld): string {
  return mirrorDirectory(world.state, world.app().repo)
}

async function deploy(world: GitWorld) {
  const fetched = await world.workspace.fetch(world.app(), world.context())
  if (fetched.kind !== 'tip') return fetched
  return world.workspace.checkout(world.app(), fetched.revision, { ...world.context(), deployment: 2, adopt: false })
}
