import { execa } from 'execa'
import { existsSync } from 'node:fs'
import { chown, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { globOf } from '../../../src/model/glob.ts'
import { mirrorDirectory } from '../../../src/runner/mirror.ts'
import { createApp, createGitWorld, failureIn, gitPath } from './git-world.ts'

describe('fetching the tip', () => {
  it('names the commit that the branch has now', async () => {
    const world = await createGitWorld()
    const first = await world.repository.push({ 'a.txt': '1' })
    expect(await world.workspace.fetch(world.app(), world.context())).toEqual({ kind: 'tip', revision: first.after })
    const second = await world.repository.push({ 'a.txt': '2' })
    expect(await world.workspace.fetch(world.app(), world.context())).toEqual({ kind: 'tip', revision: second.after })
  })

  it('follows a branch that was rewritten', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.repository.push({ 'a.txt': '2' })
    await world.fetchTip(world.app())
    await world.repository.git('reset', '-q', '--hard', 'HEAD^')
    const rewritten = await world.repository.push({ 'a.txt': '3' }, { force: true })
    expect(await world.fetchTip(world.app())).toBe(rewritten.after)
  })

  it('takes the branch, not the tag of the same name', async () => {
    const world = await createGitWorld()
    const tagged = await world.repository.push({ 'a.txt': 'tagged' })
    await world.repository.git('tag', 'main', tagged.after)
    await world.repository.git('push', '-q', 'origin', 'refs/tags/main')
    const pushed = await world.repository.push({ 'a.txt': 'branch' })
    expect(await world.fetchTip(world.app())).toBe(pushed.after)
  })

  it('says that the branch is gone when it was deleted, or never was', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.repository.push({ 'a.txt': '1' }, { branch: 'next' })
    const app = world.app({ branch: 'next' })
    await world.fetchTip(app)
    await world.repository.git('push', '-q', 'origin', ':refs/heads/next')
    expect(await world.workspace.fetch(app, world.context({ ref: 'refs/heads/next' }))).toEqual({ kind: 'branch_gone' })
    expect(await world.workspace.fetch(world.app(), world.context({ ref: 'refs/heads/never' }))).toEqual({
      kind: 'branch_gone',
    })
  })

  it('fetches the commit that a tag leads to, annotated or not, and the new one when it was moved', async () => {
    const world = await createGitWorld()
    const first = await world.repository.push({ 'a.txt': '1' })
    await world.repository.git('tag', 'v1', first.after)
    await world.repository.git('tag', '-a', '-m', 'second', 'v2', first.after)
    await world.repository.git('push', '-q', 'origin', 'v1', 'v2')
    const fetched = (ref: string) => world.workspace.fetch(world.app(), world.context({ ref }))
    expect(await fetched('refs/tags/v1')).toEqual({ kind: 'tip', revision: first.after })
    expect(await fetched('refs/tags/v2')).toEqual({ kind: 'tip', revision: first.after })

    const second = await world.repository.push({ 'a.txt': '2' })
    await world.repository.git('tag', '-f', '-a', '-m', 'moved', 'v2', second.after)
    await world.repository.git('push', '-q', '-f', 'origin', 'v2')
    expect(await fetched('refs/tags/v2')).toEqual({ kind: 'tip', revision: second.after })
    expect(await fetched('refs/heads/v2')).toEqual({ kind: 'branch_gone' })
    expect(await fetched('refs/tags/main')).toEqual({ kind: 'branch_gone' })
  })

  it('says so too when the repository has no commits at all', async () => {
    const world = await createGitWorld()
    expect(await world.workspace.fetch(world.app(), world.context())).toEqual({ kind: 'branch_gone' })
  })

  it('never answers from an earlier fetch', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.fetchTip(world.app())
    await rm(world.repository.bare, { recursive: true })
    const { reason, message } = failureIn(await world.workspace.fetch(world.app(), world.context()))
    expect(reason).toBe('not_found')
    expect(message).toContain(world.repository.bare)
  })

  it('deploys the branch when only the tags cannot be fetched, and says so', async () => {
    const world = await createGitWorld()
    const pushed = await world.repository.push({ 'a.txt': '1' })
    await world.fetchTip(world.app())
    const blob = await world.repository.git('rev-parse', `${pushed.after}:a.txt`)
    const bad = join(world.repository.bare, 'refs/tags/bad')
    // A tag object whose body git's check refuses when it is received.
    const { stdout } = await execa(
      'git',
      ['-C', world.repository.bare, 'hash-object', '-t', 'tag', '--literally', '-w', '--stdin'],
      {
        input: `object ${blob}\ntype blob\ntag bad\ntagger nobody <> not-a-date\n\nx\n`,
      },
    )
    await writeFile(bad, `${stdout}\n`)
    const next = await world.repository.push({ 'a.txt': '2' })

    expect(await world.fetchTip(world.app())).toBe(next.after)
    expect(world.notes.join('\n')).toMatch(/the branch main was fetched, the other tags were not/)
  })

  it('removes tags that the remote no longer has, and moves those that moved', async () => {
    const world = await createGitWorld()
    const mirror = mirrorDirectory(world.state, world.app().repo)
    await world.repository.push({ 'a.txt': '1' })
    await world.repository.git('tag', 'old')
    await world.repository.git('tag', 'moving')
    await world.repository.git('push', '-q', 'origin', '--tags')
    await world.fetchTip(world.app())
    const second = await world.repository.push({ 'a.txt': '2' })
    await world.repository.git('tag', '-f', 'moving')
    await world.repository.git('push', '-q', '--force', 'origin', 'moving', ':refs/tags/old')
    await world.fetchTip(world.app())
    expect(await world.git(mirror, 'for-each-ref', '--format=%(refname) %(objectname)', 'refs/tags')).toBe(
      `refs/tags/moving ${second.after}`,
    )
  })

  it('takes a branch name made for a shell for nothing but a name', async () => {
    const world = await createGitWorld()
    const canary = '/tmp/PWN-deployhook-git'
    const branch = `x;touch\${IFS}${canary};#`
    await rm(canary, { force: true })
    for (const name of [branch, "a'b", '$(touch${IFS}PWN)', 'a&&b', 'ü-€']) {
      const pushed = await world.repository.push({ 'a.txt': name }, { branch: name })
      expect(await world.fetchTip(world.app({ branch: name }))).toBe(pushed.after)
    }
    const revision = await world.deployed(world.app({ branch }), 1)
    expect(await world.read('srv/blog/a.txt')).toBe(branch)
    expect(await world.git(world.path('srv/blog'), 'rev-parse', `refs/remotes/origin/${branch}`)).toBe(revision)
    expect(existsSync(canary)).toBe(false)
    expect((await readdir(world.dir)).sort()).toEqual(['clone', 'git', 'srv', 'state', 'work'])
  })

  it('shows steps the branch that is deployed, of an app that deploys many, and none for a tag', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' }, { branch: 'release/1' })
    const revision = await world.fetchTip(world.app({ branch: 'release/1' }))
    const app = world.app({ branch: null, branches: [globOf('release/*')] })
    for (const [ref, seen] of [
      ['refs/heads/release/1', 'refs/remotes/origin/release/1'],
      ['refs/tags/v1', ''],
    ] as const) {
      const context = { ...world.context({ ref }), deployment: 1, adopt: false }
      expect(await world.workspace.checkout(app, revision, context)).toEqual({ kind: 'checked_out' })
      expect(await world.git(world.path('srv/blog'), 'for-each-ref', '--format=%(refname)', 'refs/remotes')).toBe(seen)
    }
  })

  it('allows git exactly the protocol of the configured URL', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    const app = world.app()
    const { reason, message } = failureIn(
      await world.workspace.fetch({ ...app, repo: { ...app.repo, protocol: 'https' } }, world.context()),
    )
    expect(reason).toBe('git_failed')
    expect(message).toContain("transport 'file' not allowed")
  })

  it('does not take a URL for an option', async () => {
    const world = await createGitWorld()
    const app = world.app()
    const url = `--upload-pack=touch ${world.path('PWN')};git-upload-pack`
    failureIn(await world.workspace.fetch({ ...app, repo: { ...app.repo, url } }, world.context()))
    expect(world.has('PWN')).toBe(false)
  })

  it('fetches two apps of one repository into one mirror, each with its own branch', async () => {
    const world = await createGitWorld()
    const main = await world.repository.push({ 'a.txt': 'main' })
    const next = await world.repository.push({ 'a.txt': 'next' }, { branch: 'next' })
    const shop = world.app({ name: 'shop', branch: 'next' })
    const fetched = await Promise.all([world.fetchTip(world.app()), world.fetchTip(shop), world.fetchTip(world.app())])
    expect(fetched).toEqual([main.after, next.after, main.after])
    expect(await readdir(join(world.state, 'mirrors'))).toHaveLength(1)
  })

  it('starts over what a crash left half-made, and takes away stale locks', async () => {
    const world = await createGitWorld()
    const pushed = await world.repository.push({ 'a.txt': '1' })
    const mirror = mirrorDirectory(world.state, world.app().repo)
    await world.write({ [`state/mirrors/${mirror.slice(world.path('state/mirrors/').length)}.new/HEAD`]: 'half' })
    expect(await world.fetchTip(world.app())).toBe(pushed.after)

    for (const name of [
      'packed-refs.lock',
      'config.lock',
      'refs/deployhook/tip/blog.lock',
      'objects/pack/tmp_pack_x',
    ]) {
      await mkdir(join(mirror, name, '..'), { recursive: true })
      await writeFile(join(mirror, name), '')
    }
    const next = await world.repository.push({ 'a.txt': '2' })
    expect(await world.fetchTip(world.app())).toBe(next.after)
    expect(world.notes.join('\n')).toContain('refs/deployhook/tip/blog.lock')
    expect(existsSync(join(mirror, 'objects/pack/tmp_pack_x'))).toBe(false)
  })

  it('tries again, after longer and longer pauses, what may pass by itself, and says so', async () => {
    const world = await createGitWorld({ retryAfterMs: [1, 2] })
    const app = createApp({ url: 'https://127.0.0.1:1/acme/blog.git', path: world.path('srv/blog') })
    const { reason, message } = failureIn(await world.workspace.fetch(app, world.context()))
    expect(reason).toBe('network')
    expect(message).toContain('deploy again when it is back')
    expect(world.notes.map((note) => /Trying again in .*$/.exec(note)?.[0])).toEqual([
      'Trying again in 0.001 s.',
      'Trying again in 0.002 s.',
    ])
  })

  it('does not try again what only a person can mend', async () => {
    const world = await createGitWorld({ retryAfterMs: [1, 2] })
    await rm(world.repository.bare, { recursive: true })
    expect(failureIn(await world.workspace.fetch(world.app(), world.context())).reason).toBe('not_found')
    expect(world.notes).toEqual([])
  })

  it('stops waiting for the next try when it is stopped', async () => {
    const controller = new AbortController()
    const world = await createGitWorld({ retryAfterMs: [3_600_000] })
    const app = createApp({ url: 'https://127.0.0.1:1/acme/blog.git', path: world.path('srv/blog') })
    const note = () => {
      controller.abort('cancelled')
      return Promise.resolve()
    }
    expect(await world.workspace.fetch(app, world.context({ signal: controller.signal, note }))).toEqual({
      kind: 'stopped',
      why: 'cancelled',
    })
  })

  it('serves a repository of another user only when deploy.yml names it', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root can give a directory away')
    const world = await createGitWorld()
    const pushed = await world.repository.push({ 'a.txt': '1' })
    await chown(world.repository.bare, 12345, 12345)

    const refused = failureIn(await world.workspace.fetch(world.app(), world.context()))
    expect(refused.reason).toBe('dubious_ownership')
    const other = world.restarted({ localPaths: () => [world.path('git/acme/other')] })
    expect(failureIn(await other.fetch(world.app(), world.context())).reason).toBe('dubious_ownership')
    const allowed = world.restarted({ localPaths: () => [world.path('git/acme/blog')] })
    expect(await allowed.fetch(world.app(), world.context())).toEqual({ kind: 'tip', revision: pushed.after })
  })

  it('ends at once when it is stopped, before or in the middle', async () => {
    const world = await createGitWorld({ networkEnv: { GIT_SSL_NO_VERIFY: '0' } })
    const before = AbortSignal.abort('cancelled')
    expect(await world.workspace.fetch(world.app(), world.context({ signal: before }))).toEqual({
      kind: 'stopped',
      why: 'cancelled',
    })

    const { url, reached } = await createSilentHost()
    const controller = new AbortController()
    void reached.then(() => {
      controller.abort('timed_out')
    })
    const app = createApp({ url, path: world.path('srv/blog') })
    expect(await world.workspace.fetch(app, world.context({ signal: controller.signal }))).toEqual({
      kind: 'stopped',
      why: 'timed_out',
    })
  })

  it.each(['cancelled', 'timed_out', 'interrupted'] as const)(
    'ends at once when it is %s while another fetch has the mirror, which goes on, as does the one behind',
    async (why) => {
      const world = await createGitWorld()
      const { url, reached } = await createSilentHost()
      const app = createApp({ url, path: world.path('srv/blog') })
      const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()]
      const order: string[] = []
      const fetch = async (name: string, { signal }: AbortController) => {
        const fetched = await world.workspace.fetch(app, world.context({ signal }))
        order.push(name)
        return fetched
      }
      const holding = fetch('first', first)
      await reached
      const [waiting, behind] = [fetch('second', second), fetch('third', third)]
      second.abort(why)
      expect(await waiting).toEqual({ kind: 'stopped', why })
      expect(order).toEqual(['second'])
      first.abort('cancelled')
      await holding
      third.abort('cancelled')
      await behind
      expect(order).toEqual(['second', 'first', 'third'])
    },
  )

  it('gives up on a host that accepts and then says nothing', async () => {
    const world = await createGitWorld({ idleMs: 500 })
    const { url } = await createSilentHost()
    const { reason, message } = failureIn(
      await world.workspace.fetch(createApp({ url, path: world.path('srv/blog') }), world.context()),
    )
    expect(reason).toBe('too_slow')
    expect(message).toContain(url)
  })

  it('says that git is missing', async () => {
    const world = await createGitWorld({ path: '/nonexistent' })
    const { reason, message } = failureIn(await world.workspace.fetch(world.app(), world.context()))
    expect(reason).toBe('git_missing')
    expect(message).toMatch(/install it/)
    expect(message).not.toContain('node:')
  })

  it.each(['rev-parse', 'fetch'])('says so when a git that it needs is killed: %s', async (command) => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.deployed(world.app(), 1)
    const script = `#!/bin/sh\ncase " $* " in *" ${command} "*) kill -KILL $$ ;; esac\nPATH=${gitPath}; exec git "$@"\n`
    await mkdir(world.path('bin'))
    await writeFile(world.path('bin/git'), script, { mode: 0o755 })
    const killed = world.restarted({ path: world.path('bin') })
    await rm(world.path('state/mirrors'), { recursive: true })
    const { reason, message } = failureIn(await killed.fetch(world.app(), world.context()))
    expect(reason).toBe('resources_short')
    expect(message).toMatch(/was ended by (?:a signal|SIGKILL).*dmesg/)
  })
})

/** Takes connections and never answers. */
async function createSilentHost(): Promise<{ url: string; reached: Promise<void> }> {
  const server = createServer()
  const sockets = new Set<{ destroy(): void }>()
  const reached = new Promise<void>((resolve) => {
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      resolve()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return {
    url: `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/acme/blog.git`,
    reached,
  }
}
