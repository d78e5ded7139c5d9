import { appendFile, mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ListContext } from '../../../src/runner/workspace.ts'
import { createApp, createGitWorld, failureIn } from './git-world.ts'

const context = (change: Partial<ListContext> = {}): ListContext => ({
  signal: new AbortController().signal,
  cookie: 'git-test.catch-up.1',
  wants: () => true,
  timeoutMs: 20_000,
  ...change,
})

describe('asking a remote for its refs', () => {
  it('names the commit of each branch and tag, also of an annotated one', async () => {
    const world = await createGitWorld()
    const { after } = await world.repository.push({ f: '1' })
    await world.repository.git('tag', 'plain', after)
    await world.repository.git('tag', '-a', '-m', 'said', 'said', after)
    await world.repository.git('push', '-q', 'origin', 'plain', 'said', `HEAD:refs/notes/other`)
    expect(await world.workspace.listRefs(world.app(), context())).toEqual({
      kind: 'refs',
      tips: new Map([
        ['refs/heads/main', after],
        ['refs/tags/plain', after],
        ['refs/tags/said', after],
      ]),
    })
  })

  it('keeps what is wanted of any number of refs', async () => {
    const world = await createGitWorld()
    const { after } = await world.repository.push({ f: '1' })
    const lines = Array.from({ length: 2000 }, (_, n) => `${after} refs/tags/build/of/a/long/name/${n}\n`)
    await appendFile(`${world.repository.bare}/packed-refs`, lines.join(''))
    const wants = (ref: string): boolean => ref.endsWith('/1999')
    expect(await world.workspace.listRefs(world.app(), context({ wants }))).toEqual({
      kind: 'refs',
      tips: new Map([['refs/tags/build/of/a/long/name/1999', after]]),
    })
  })

  it('reads names that are not ASCII as they are, wherever a chunk of the answer ends', async () => {
    const world = await createGitWorld()
    const { after } = await world.repository.push({ f: '1' })
    const names = Array.from({ length: 3000 }, (_, n) => `refs/tags/${'ö'.repeat(100)}/${n}`)
    await appendFile(`${world.repository.bare}/packed-refs`, names.map((name) => `${after} ${name}\n`).join(''))
    const listed = await world.workspace.listRefs(
      world.app(),
      context({ wants: (ref) => ref.startsWith('refs/tags/') }),
    )
    expect(listed.kind === 'refs' && new Set(listed.tips.keys())).toEqual(new Set(names))
  })

  it('finds none in a repository without commits, and does not mind that it has no mirror', async () => {
    const world = await createGitWorld()
    expect(await world.workspace.listRefs(world.app(), context())).toEqual({ kind: 'refs', tips: new Map() })
    expect(world.has('state', 'mirrors')).toBe(false)
  })

  it('obeys no configuration of a repository that the state directory lies in', async () => {
    const world = await createGitWorld()
    const { after } = await world.repository.push({ f: '1' })
    await world.git(world.dir, 'init', '-q', '.')
    await world.git(world.dir, 'config', `url.${world.path('evil')}.insteadOf`, world.repository.bare)
    await mkdir(world.state, { recursive: true })
    const listed = await world.workspace.listRefs(world.app(), context())
    expect(listed).toEqual({ kind: 'refs', tips: new Map([['refs/heads/main', after]]) })
  })

  it('fails with the reason and the cure when there is no such repository', async () => {
    const world = await createGitWorld()
    await rm(world.repository.bare, { recursive: true })
    const { reason, message } = failureIn(await world.workspace.listRefs(world.app(), context()))
    expect(reason).toBe('not_found')
    expect(message).toContain(world.repository.bare)
    expect(message).toContain('Compare repo in deploy.yml')
  })

  it('gives up on a host that takes the call and says nothing, and ends at once when it is told to', async () => {
    const world = await createGitWorld()
    const sockets = new Set<{ destroy(): void }>()
    const mute = createServer((socket) => sockets.add(socket))
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      mute.close()
    })
    const address = mute.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const app = createApp({ url: `https://127.0.0.1:${port}/acme/blog.git`, path: world.path('srv') })
    const { reason, message } = failureIn(await world.workspace.listRefs(app, context({ timeoutMs: 300 })))
    expect(reason).toBe('too_slow')
    expect(message).toContain('was given up')

    const stop = new AbortController()
    const asking = world.workspace.listRefs(app, context({ signal: stop.signal }))
    stop.abort('interrupted')
    expect(await asking).toEqual({ kind: 'stopped', why: 'interrupted' })
  })
})
