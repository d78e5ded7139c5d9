import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createNotifier, handedOver, type Notifier } from '../../src/lib/systemd.ts'
import { runQuietly } from '../../src/runner/exec.ts'

describe('telling systemd', () => {
  it('tells nothing when systemd does not listen', async () => {
    const { notifier, lines } = notifierWith({ NOTIFY_SOCKET: undefined })
    await notifier.ready()
    await notifier.stopping()
    expect(lines()).toEqual([])
  })

  it('tells in the order of the calls, for the daemon’s own pid', async () => {
    const { notifier, lines } = notifierWith({ NOTIFY_SOCKET: '/run/systemd/notify' })
    void notifier.ready()
    void notifier.reloading()
    void notifier.stopping()
    await notifier.status('deploying blog (42)')
    expect(lines()).toEqual([
      '/run/systemd/notify: --pid=4711 -- READY=1',
      expect.stringMatching(/--pid=4711 -- RELOADING=1 MONOTONIC_USEC=\d+$/),
      '/run/systemd/notify: --pid=4711 -- STOPPING=1',
      '/run/systemd/notify: --pid=4711 -- STATUS=deploying blog (42)',
    ])
  })

  it('says that it is alive only to a systemd that watches', async () => {
    const watched = notifierWith({ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '30000000' })
    const unwatched = notifierWith({ NOTIFY_SOCKET: '/s' })
    await watched.notifier.alive()
    await unwatched.notifier.alive()
    expect(watched.lines()).toEqual(['/s: --pid=4711 -- WATCHDOG=1'])
    expect(unwatched.lines()).toEqual([])
    expect([watched.notifier.watchdogMs, unwatched.notifier.watchdogMs]).toEqual([30_000, null])
  })

  it('lends the program nothing of the daemon’s environment', async () => {
    const { notifier, environment } = notifierWith({ NOTIFY_SOCKET: '/s', GITHUB_WEBHOOK_SECRET: 'hush' })
    await notifier.ready()
    expect(environment()).toContain('NOTIFY_SOCKET=/s')
    expect(environment()).not.toContain('hush')
  })

  it('warns once, and throws never, when systemd cannot be told', async () => {
    const { notifier, warnings } = notifierWith({ NOTIFY_SOCKET: '/s', PATH: '/nonexistent' })
    await notifier.ready()
    await notifier.stopping()
    expect(warnings).toEqual(['systemd could not be notified; is systemd-notify installed?'])
  })
})

/** A notifier whose `systemd-notify` writes down how it is called. */
function notifierWith(env: Readonly<Record<string, string | undefined>>): {
  readonly notifier: Notifier
  readonly warnings: readonly string[]
  readonly lines: () => readonly string[]
  readonly environment: () => string
} {
  const folder = mkdtempSync(join(tmpdir(), 'deployhook-systemd-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const calls = join(folder, 'calls')
  writeFileSync(calls, '')
  const fake = `#!/bin/sh\necho "$NOTIFY_SOCKET: $*" >> ${calls}\nenv > ${calls}.env\n`
  writeFileSync(join(folder, 'systemd-notify'), fake, { mode: 0o755 })
  const warnings: string[] = []
  const notifier = createNotifier({
    env: { PATH: `${folder}:/usr/bin:/bin`, ...env },
    pid: 4711,
    run: (argv, childEnv) => runQuietly(argv, { env: childEnv, timeoutMs: 10_000 }),
    log: { warn: (_, message) => void warnings.push(message) },
  })
  return {
    notifier,
    warnings,
    lines: () => readFileSync(calls, 'utf8').split('\n').filter(Boolean),
    environment: () => readFileSync(`${calls}.env`, 'utf8'),
  }
}

describe('sockets of a .socket unit', () => {
  it('are the descriptors from 3 on', () => {
    expect(handedOver({ LISTEN_PID: '4711', LISTEN_FDS: '2' }, 4711)).toEqual([3, 4])
  })

  it.each([
    ['nothing is said', {}],
    ['another process is meant', { LISTEN_PID: '4712', LISTEN_FDS: '1' }],
    ['the number is none', { LISTEN_PID: '4711', LISTEN_FDS: 'many' }],
    ['there are none', { LISTEN_PID: '4711', LISTEN_FDS: '0' }],
  ])('are none where %s', (_, env) => {
    expect(handedOver(env, 4711)).toEqual([])
  })
})
