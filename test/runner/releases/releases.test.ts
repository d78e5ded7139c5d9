import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { revision, script } from '../deploying.ts'
import { createReleasing } from './releasing.ts'

describe('a release', () => {
  it('is a directory of its own that current leads to once it is built', async () => {
    const world = await createReleasing()
    const build = script('test ! -e ../../current; cp page built; git describe --always > version')
    expect(await world.ship(1, 'one', { steps: [build] })).toMatchObject({ outcome: 'succeeded' })

    const [name = ''] = world.releases()
    expect(name).toMatch(/^\d{8}-\d{6}-[0-9a-f]{12}$/)
    expect(world.current()).toBe(`releases/${name}`)
    expect(await world.read('srv/blog/current/built')).toBe('one')
    expect(name.endsWith((await world.read('srv/blog/current/version')).trim().slice(0, 7))).toBe(false)
    expect(name).toContain((await world.read('srv/blog/current/version')).trim().slice(0, 7))
    expect(world.told).toContain(`release ${name}`)
  })

  it('is built while the one before it stays live', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const build = script('cat ../../current/page > seen')
    expect(await world.ship(2, 'two', { steps: [build] })).toMatchObject({ outcome: 'succeeded' })
    expect(await world.read('srv/blog/current/seen')).toBe('one')
    expect(await world.read('srv/blog/current/page')).toBe('two')
  })

  it('that fails to build is never switched to, and goes with the next one that is made', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const [first] = world.releases()
    expect(await world.ship(2, 'two', { steps: [script('exit 3')] })).toMatchObject({
      outcome: 'failed',
      reason: 'step_failed',
    })
    expect(world.current()).toBe(`releases/${first ?? ''}`)
    expect(world.releases()).toHaveLength(2)

    await world.ship(3, 'three')
    expect(world.releases()).toHaveLength(2)
    expect(await world.read('srv/blog/current/page')).toBe('three')
  })

  it('runs its phases in order: build, before_switch, the switch, activate, after', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const log = world.path('order')
    const say = (word: string) => script(`echo ${word} $(cat ${world.path('srv/blog/current/page')}) >> ${log}`)
    const app = {
      steps: [say('build')],
      beforeSwitch: [say('before')],
      activate: [say('activate')],
      after: [say('after')],
    }
    expect(await world.ship(2, 'two', app)).toMatchObject({ outcome: 'succeeded' })
    expect(readFileSync(log, 'utf8')).toBe('build one\nbefore one\nactivate two\nafter two\n')
    expect(world.told.filter((line) => line.includes(' started: '))).toEqual([
      expect.stringMatching(/^step 1 started: .*\(build\)$/),
      expect.stringMatching(/^step 2 started: .*\(before_switch\)$/),
      expect.stringMatching(/^step 3 started: .*\(activate\)$/),
      expect.stringMatching(/^step 4 started: .*\(after\)$/),
    ])
  })

  it('shares what it is told to, made of what the first one has, and never overwritten after', async () => {
    const world = await createReleasing()
    const shared = [
      { path: 'uploads', kind: null },
      { path: '.env', kind: null },
      { path: 'storage/logs', kind: null },
      { path: 'config/site.json', kind: null },
    ]
    await world.repository.push({ 'config/site.json': 'as shipped' })
    expect(await world.ship(1, 'one', { shared })).toMatchObject({ outcome: 'succeeded' })
    writeFileSync(world.path('srv/blog/current/uploads/photo'), 'yours')
    writeFileSync(world.path('srv/blog/shared/config/site.json'), 'yours')
    await world.repository.push({ 'config/site.json': 'shipped again' })
    expect(await world.ship(2, 'two', { shared })).toMatchObject({ outcome: 'succeeded' })

    expect(await world.read('srv/blog/current/uploads/photo')).toBe('yours')
    expect(await world.read('srv/blog/current/config/site.json')).toBe('yours')
    expect(readlinkSync(world.path('srv/blog/current/storage/logs'))).toBe('../../../shared/storage/logs')
    expect(lstatSync(world.path('srv/blog/shared/storage/logs')).isDirectory()).toBe(true)
    expect(lstatSync(world.path('srv/blog/shared/.env')).mode & 0o777).toBe(0o600)
  })

  it('is refused when the repository leads a shared path out of itself by a link', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    await symlink('/etc', world.path('clone/storage'))
    const failure = await world.ship(2, 'two', { shared: [{ path: 'storage/logs', kind: null }] })
    expect(failure).toEqual({
      outcome: 'failed',
      reason: 'shared_unusable',
      message: 'shared: storage/logs cannot be linked, because storage is no directory in the repository',
    })
    expect(existsSync('/etc/logs')).toBe(false)
    expect(await world.read('srv/blog/current/page')).toBe('one')
    expect(readdirSync(world.path('srv/blog/releases')).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it('of the past are kept as many as the app wants, besides the live one and the one before it', async () => {
    const world = await createReleasing()
    for (const [index, text] of ['one', 'two', 'three', 'four', 'five'].entries())
      await world.ship(index + 1, text, { keep: 1 })
    expect(world.releases()).toHaveLength(3)
    expect(await world.read('srv/blog/current/page')).toBe('five')
    expect(readdirSync(world.path('state/views/blog.releases'))).toHaveLength(3)
  })

  it('is live although an older one cannot be removed, and that is told', async (context) => {
    const world = await createReleasing()
    await world.ship(1, 'one', { keep: 0 })
    const [first = ''] = world.releases()
    const busy = world.path('srv/blog/releases', first, 'busy')
    await mkdir(busy)
    if (spawnSync('mount', ['-t', 'tmpfs', 'none', busy]).status !== 0) return context.skip('only root may mount')
    onTestFinished(() => void spawnSync('umount', ['-l', busy]))
    await world.ship(2, 'two', { keep: 0 })
    expect(await world.ship(3, 'three', { keep: 0 })).toMatchObject({ outcome: 'succeeded' })
    expect(world.told.at(-1)).toMatch(
      /^# an old release could not be removed; the next deployment tries again: Command failed.*: rm .*releases/,
    )

    spawnSync('umount', ['-l', busy])
    await world.ship(4, 'four', { keep: 0 })
    expect(world.releases()).toHaveLength(2)
  })

  it('never takes a directory that holds other files, unless told to', async () => {
    const world = await createReleasing()
    await mkdir(world.path('srv/blog'), { recursive: true })
    writeFileSync(world.path('srv/blog/index.html'), 'yours')
    const refused = await world.ship(1, 'one')
    expect(refused).toMatchObject({ outcome: 'failed', reason: 'path_occupied' })
    expect(refused.message).toContain('adopt: true')
    expect(readdirSync(world.path('srv/blog'))).toEqual(['index.html'])

    expect(await world.deploy(2, { adopt: true })).toMatchObject({ outcome: 'succeeded' })
    expect(await world.read('srv/blog/index.html')).toBe('yours')
  })
})

describe('a release that is not well', () => {
  it('goes back to the one before it, and the outcome tells both stories', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const first = world.current()
    const app = { activate: [script('echo restarted with $(cat page)')], health: [sick] }
    expect(await world.ship(2, 'two', app)).toMatchObject({
      outcome: 'rolled_back',
      reason: 'unhealthy',
      message: expect.stringMatching(
        /^command grep -q one page ended with exit code 1 \(2 tries\); rolled back: release \S+ is live again, after /,
      ) as string,
    })
    expect(world.current()).toBe(first)
    expect(world.output()).toBe('restarted with two\nrestarted with one\n')
  })

  it('goes back also when it turns sick within the bake time, or its activation fails', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const turning = healthy('test ! -e sick')
    const later = script('[ "$(cat page)" = one ] || { sleep 0.3 && touch sick; } &', { background: 'keep' })
    const app = { bakeMs: 5_000, health: [turning], activate: [later] }
    expect(await world.ship(2, 'two', app)).toMatchObject({ outcome: 'rolled_back', reason: 'unhealthy' })
    expect(await world.ship(3, 'three', { activate: [script('grep one page')] })).toMatchObject({
      outcome: 'rolled_back',
      reason: 'step_failed',
    })
    expect(await world.read('srv/blog/current/page')).toBe('one')
  })

  it('stays live when there is nothing to go back to, or the app wants it so', async () => {
    const world = await createReleasing()
    expect(await world.ship(1, 'one', { health: [healthy('exit 1')] })).toMatchObject({
      outcome: 'failed',
      message: `command exit 1 ended with exit code 1 (2 tries); release ${basename(world.current() ?? '')} stays live: nothing was live and well before it`,
    })
    expect(await world.read('srv/blog/current/page')).toBe('one')
    expect(await world.ship(2, 'two')).toMatchObject({ outcome: 'succeeded' })
    expect(await world.ship(3, 'three', { health: [healthy('exit 1')], onFailure: 'stop' })).toMatchObject({
      outcome: 'failed',
      reason: 'unhealthy',
      message: expect.stringMatching(/ended with exit code 1.*; release \S+ stays live: on_failure is stop$/) as string,
    })
    expect(await world.read('srv/blog/current/page')).toBe('three')
  })

  it('says loudly what is live when going back fails too', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const first = world.releases()[0] ?? ''
    const result = await world.ship(2, 'two', { health: [healthy('exit 7')] })
    expect(result).toMatchObject({ outcome: 'failed', reason: 'rollback_failed' })
    expect(result.message).toMatch(
      new RegExp(`and going back failed too: command exit 7 .*; ${world.path('srv/blog/current')} leads to ${first}$`),
    )
  })

  it('is left after a cancel, too, which stays a cancel', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const stop = new AbortController()
    const cancelling = world.ship(
      2,
      'two',
      { activate: [script(`grep -q one page || { touch ${world.path('reached')}; sleep 60; }`)] },
      { signal: stop.signal },
    )
    while (!world.has('reached')) await new Promise((resolve) => setTimeout(resolve, 10))
    stop.abort('cancelled')
    expect(await cancelling).toMatchObject({ outcome: 'cancelled' })
    expect(await world.read('srv/blog/current/page')).toBe('one')
  })

  it('is switched to never when its preview is sick, and the preview is ended', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const preview = script(
      `exec node -e 'require("http").createServer((q, s) => s.end(require("fs").readFileSync("page"))).listen(process.env.PORT, "127.0.0.1")'`,
      {
        env: new Map([['PATH', process.env['PATH'] ?? '']]),
      },
    )
    const asked = (contains: string) => ({
      probe: {
        kind: 'http' as const,
        url: 'http://127.0.0.1:{port}/',
        status: { from: 200, to: 299 },
        contains,
        headers: new Map(),
        followRedirects: false,
      },
      timeoutMs: 2_000,
      intervalMs: 50,
      retries: 100,
      preview: true,
    })
    expect(await world.ship(2, 'two', { preview, health: [asked('two')] })).toMatchObject({ outcome: 'succeeded' })
    expect(await world.ship(3, 'three', { preview, health: [{ ...asked('four'), retries: 20 }] })).toMatchObject({
      outcome: 'failed',
      reason: 'unhealthy',
    })
    expect(await world.ship(4, 'four', { preview: script('exit 4'), health: [asked('four')] })).toMatchObject({
      outcome: 'failed',
      reason: 'preview_failed',
      message: 'the preview ended before its health was proven: exit code 4',
    })
    expect(await world.read('srv/blog/current/page')).toBe('two')
  })
})

describe('a rollback by hand', () => {
  it('switches to an earlier release without a build, and runs activate and health', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const first = world.releases()[0] ?? ''
    await world.ship(2, 'two')
    const app = { steps: [script('exit 1')], activate: [script('cat page')], health: [healthy('grep -q one page')] }
    const target = { kind: 'release', name: first } as const
    expect(await world.deploy(3, app, { target })).toMatchObject({ outcome: 'succeeded' })
    expect(world.current()).toBe(`releases/${first}`)
    expect(world.output()).toBe('one')
    expect(world.told.filter((line) => line.startsWith('# fetching'))).toHaveLength(2)
  })

  it('gives the release its git again when the app was renamed since', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const first = world.releases()[0] ?? ''
    await world.ship(2, 'two')
    await world.runner.rename('blog', 'journal')
    const app = { name: 'journal', activate: [script('git log -1 --format=%s')] }
    const target = { kind: 'release', name: first } as const
    expect(await world.deploy(3, app, { target })).toMatchObject({ outcome: 'succeeded' })
    expect(world.output()).toBe('Change page\n')
  })

  it('says so when the release is not there any more', async () => {
    const world = await createReleasing()
    await world.ship(1, 'one')
    const target = { kind: 'release', name: '20200101-000000-abc' } as const
    expect(await world.deploy(2, {}, { target })).toEqual({
      outcome: 'failed',
      reason: 'release_gone',
      message: 'release 20200101-000000-abc is not there (any more): deployhook releases blog lists those that are',
    })
  })

  it('of an app in place checks out the earlier commit and builds it, without a fetch', async () => {
    const world = await createReleasing()
    const app = { strategy: 'in-place' as const, steps: [script('cp page built')] }
    await world.ship(1, 'one', app)
    const { before } = await world.repository.push({ page: 'two' })
    await world.deploy(2, app)
    await world.write({ 'git/acme/blog.git/HEAD': 'broken' })
    const target = { kind: 'earlier', revision: revision(before) } as const
    expect(await world.deploy(3, app, { target })).toMatchObject({ outcome: 'succeeded' })
    expect(await world.read('srv/blog/built')).toBe('one')
  })
})

const sick = healthy('grep -q one page')

function healthy(text: string) {
  return {
    probe: { kind: 'command' as const, run: { kind: 'script' as const, shell: 'sh' as const, text } },
    timeoutMs: 5_000,
    intervalMs: 20,
    retries: 1,
    preview: false,
  }
}
