import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createWorld, gate, type World } from '../support/world.ts'
import { until } from '../support/until.ts'

const isPossible = existsSync('/run/systemd/system')

/** Says so at every tenth of a second, and tells the witness outside of all logs when it begins and when it is done. */
function ticking(world: World, ticks: number): string {
  const witness = world.path('witness')
  return `echo begun >>${witness}; for i in $(seq ${ticks}); do echo "tick $i"; sleep 0.1; done; echo ended >>${witness}`
}

const logOf = async (world: World, id: number): Promise<string> =>
  (await world.daemon.api(`/api/deployments/${id}/log`)).text

const ticksOf = (log: string): readonly number[] =>
  [...log.matchAll(/^\S+ \d+ tick (\d+)$/gm)].map(([, tick]) => Number(tick))

const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, at) => at + 1)

async function hasTicked(world: World, id: number, tick: number): Promise<void> {
  await until(`tick ${tick}`, async () => (await logOf(world, id)).includes(`tick ${tick}\n`))
}

async function killed(world: World, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | NodeJS.Signals> {
  world.daemon.kill(signal)
  return world.daemon.ended
}

/** Units of deployments that systemd knows of. */
function unitsLeft(): string {
  return execFileSync('systemctl', ['list-units', '--all', '--plain', '--no-legend', 'deployhook-*'], {
    encoding: 'utf8',
  })
}

async function createSystemdWorld(...given: Parameters<typeof createWorld>): Promise<World> {
  const world = await createWorld(...given)
  // What was kept for the next daemon goes right after the outcome is recorded.
  onTestFinished(async () => {
    await expect.poll(unitsLeft, { timeout: 10_000 }).toBe('')
    await expect.poll(() => readdirSync(world.path('state', 'units')), { timeout: 10_000 }).toEqual([])
    await expect.poll(() => readdirSync(world.path('state', 'underway')), { timeout: 10_000 }).toEqual([])
  })
  return world
}

describe.skipIf(!isPossible)('a deployment in units of systemd', () => {
  it('is deployed as ever, each step in a unit that is named like the deployment', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    await world.configure({ blog: { steps: ['cat /proc/self/cgroup', ['sh', '-c', 'exit 0'], 'env | sort'] } })
    await world.start()
    const id = await world.ship({ f: '1' })
    expect(await world.done(id)).toMatchObject({ outcome: 'succeeded', attempts: 1 })
    const log = await logOf(world, id)
    expect(log).toContain(`/system.slice/deployhook-blog-${id}.service\n`)
    expect(log).toContain(`DEPLOYHOOK_DEPLOYMENT=${id}\n`)
    expect(log).not.toContain('INVOCATION_ID')
    expect(world.daemon.log.filter(({ executor }) => executor === 'systemd')).toHaveLength(1)
  })

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'goes on when %s ends the daemon, and the next one records it: once run, no line missing, none twice',
    async (signal) => {
      const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
      await world.configure({
        blog: { steps: ['echo before', ticking(world, 50), `echo after >>${world.path('witness')}`] },
      })
      await world.start()
      const id = await world.ship({ f: '1' })
      await hasTicked(world, id, 5)
      expect(await killed(world, signal)).toBe(signal === 'SIGKILL' ? 'SIGKILL' : 0)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await world.start()
      await hasTicked(world, id, 25)
      await killed(world, signal)
      await world.start()
      const done = await world.done(id)
      expect(done).toMatchObject({ outcome: 'succeeded', attempts: 1 })
      expect(done.steps.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
      expect(ticksOf(await logOf(world, id))).toEqual(upTo(50))
      expect(await world.read('witness')).toBe('begun\nended\nafter\n')
      expect((await logOf(world, id)).match(/^\S+ - step 2\/3.*$/gm)).toHaveLength(2)
    },
    60_000,
  )

  it('that ends while no daemon is there is recorded by the next, with all that it wrote', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [`${build.step}; seq 1000; exit 3`] } })
    await world.start()
    const id = await world.ship({ f: '1' })
    await build.reached()
    await killed(world, 'SIGKILL')
    await build.open()
    await until(
      'the build to end',
      () =>
        execFileSync('systemctl', ['show', '-P', 'ExecMainStatus', `deployhook-blog-${id}`], { encoding: 'utf8' }) ===
        '3\n',
    )
    await world.start()
    expect(await world.done(id)).toMatchObject({
      ...{ outcome: 'failed', reason: 'step_failed', attempts: 1 },
      steps: [{ exitCode: 3, signal: null }],
    })
    expect((await logOf(world, id)).match(/^\S+ 1 \d+$/gm)).toHaveLength(1000)
  })

  it('waits with what the pipe does not hold until a daemon reads on, and nothing is lost', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    await world.configure({ blog: { steps: [`${build.step}; seq 200000`] } })
    await world.start()
    const id = await world.ship({ f: '1' })
    await build.reached()
    expect(await killed(world, 'SIGTERM')).toBe(0)
    await build.open()
    await world.start()
    expect(await world.done(id)).toMatchObject({ outcome: 'succeeded', attempts: 1 })
    const lines = [...(await logOf(world, id)).matchAll(/^\S+ 1 (\d+)$/gm)].map(([, text]) => Number(text))
    expect(lines).toHaveLength(200_000)
    expect(lines.every((line, at) => line === at + 1)).toBe(true)
  })

  it('that is cancelled after a restart ends with all that it started', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    const pids = world.path('pids')
    await world.configure({
      blog: {
        steps: [
          `(env -i setsid sh -c 'trap "" TERM; echo $$ >>${pids}; exec >/dev/null 2>&1; while :; do sleep 1; done' &); trap '' TERM; echo $$ >>${pids}; while :; do sleep 1; done`,
        ],
      },
    })
    await world.start()
    const id = await world.ship({ f: '1' })
    await until(
      'both to be there',
      () => existsSync(pids) && readFileSync(pids, 'utf8').trim().split('\n').length === 2,
    )
    await killed(world, 'SIGKILL')
    await world.start()
    await world.running(id)
    await world.daemon.api(`/api/deployments/${id}/cancel`, { method: 'POST' })
    expect(await world.done(id)).toMatchObject({ outcome: 'cancelled', attempts: 1 })
    for (const pid of readFileSync(pids, 'utf8').trim().split('\n')) expect(existsSync(`/proc/${pid}`)).toBe(false)
  }, 60_000)

  it('has no more time than before because the daemon was away', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    await world.configure({ blog: { timeout: '6s', steps: [ticking(world, 600)] } })
    await world.start()
    const id = await world.ship({ f: '1' })
    await hasTicked(world, id, 3)
    await killed(world, 'SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    await world.start()
    const { startedAt, finishedAt, outcome } = await world.done(id)
    expect(outcome).toBe('timed_out')
    const tookMs = new Date(String(finishedAt)).getTime() - new Date(String(startedAt)).getTime()
    expect(tookMs).toBeGreaterThan(5_900)
    expect(tookMs).toBeLessThan(12_000)
  }, 60_000)

  it('starts again from the beginning when its entry has changed meanwhile', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    await world.configure({ blog: { steps: [ticking(world, 600)] } })
    await world.start()
    const id = await world.ship({ f: '1' })
    await hasTicked(world, id, 3)
    await killed(world, 'SIGKILL')
    await world.configure({ blog: { steps: ['echo another'] } })
    await world.start()
    expect(await world.done(id)).toMatchObject({ outcome: 'succeeded', attempts: 2 })
    expect(await world.read('witness')).toBe('begun\n')
  }, 60_000)

  it('ends itself when it needs more memory than it may have, and not the daemon', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    await world.configure({ blog: { limits: { memory: '64MiB' }, steps: ['echo going', 'tail /dev/zero'] } })
    const { pid } = await world.start()
    const id = await world.ship({ f: '1' })
    const done = await world.done(id)
    expect(done).toMatchObject({ outcome: 'failed', reason: 'out_of_memory' })
    expect(done.message).toMatch(/^step 2\/2 \(tail \/dev\/zero\) was out of memory and .*64 MiB/)
    expect((await world.daemon.api('/api/status')).status).toBe(200)
    expect(world.daemon.pid).toBe(pid)
  })

  it('has no more processes than it may have', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    await world.configure({
      blog: {
        limits: { tasks: 8 },
        steps: ['for i in 1 2 3 4 5; do sleep 0.5 & done; wait; for i in $(seq 20); do sleep 5 & done'],
      },
    })
    await world.start()
    const done = await world.done(await world.ship({ f: '1' }))
    expect(done).toMatchObject({ outcome: 'failed', reason: 'step_failed' })
    expect(done.message).toContain('it may have 8 at a time')
  })

  it('can write where its sandbox lets it, and nowhere else', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    mkdirSync(world.path('hidden'))
    appendFileSync(world.path('hidden', 'file'), 'x')
    await world.configure({
      blog: {
        sandbox: { protect_system: 'strict', inaccessible_paths: [world.path('hidden')] },
        steps: [
          'echo built >built',
          'touch /etc/written 2>&1 && exit 9 || true',
          `cat ${world.path('hidden', 'file')} 2>&1 && exit 8 || true`,
        ],
      },
    })
    await world.start()
    expect(await world.done(await world.ship({ f: '1' }))).toMatchObject({ outcome: 'succeeded' })
  })

  it('shows nobody its secrets: neither systemctl show nor ps, nor a file that others can read', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    const build = gate(world, 'build')
    const secret = 'hidden-from-everybody-0123456789'
    appendFileSync(world.path('token'), secret, { mode: 0o600 })
    await world.configure({
      blog: {
        env: { TOKEN: { file: world.path('token') } },
        steps: [`test -n "$TOKEN"; ${build.step}; echo "it is $TOKEN"`],
      },
    })
    await world.start()
    const id = await world.ship({ f: '1' })
    await build.reached()
    const unit = execFileSync('systemctl', ['show', `deployhook-blog-${id}`], { encoding: 'utf8' })
    expect(unit).toContain('ActiveState=active')
    expect(unit).not.toContain(secret)
    expect(execFileSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' })).not.toContain(secret)
    const files = readdirSync(world.path('state'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    for (const { parentPath, name } of files) {
      const file = join(parentPath, name)
      if (!readFileSync(file, 'latin1').includes(secret)) continue
      expect.fail(`${file} holds the secret`)
    }
    await build.open()
    expect(await world.done(id)).toMatchObject({ outcome: 'succeeded' })
    expect(await logOf(world, id)).toContain('it is [secret]\n')
  })

  it('runs as the user of run_as, whose files the release is made of, and goes on as that user', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    for (const path of [world.dir, world.path('srv')]) chmodSync(path, 0o755)
    const build = gate({ path: (...parts) => join('/tmp', `${basename(world.dir)}-${parts.join('-')}`) }, 'gate')
    await world.configure({
      blog: {
        strategy: 'releases',
        run_as: 'nobody',
        steps: [`id -un; ${build.step}; echo built >built`],
        activate: ['id -un >active'],
      },
    })
    await world.start()
    const id = await world.ship({ f: '1' })
    await build.reached()
    await killed(world, 'SIGKILL')
    await world.start()
    await world.running(id)
    await build.open()
    expect(await world.done(id)).toMatchObject({ outcome: 'succeeded', attempts: 1 })
    expect(await logOf(world, id)).toMatch(/^\S+ 1 nobody$/m)
    const current = world.path('srv', 'blog', 'current')
    expect(statSync(join(current, 'built')).uid).toBe(65_534)
    expect(await world.read('srv', 'blog', 'current', 'active')).toBe('nobody\n')
  }, 60_000)

  it('goes on in activate: what was switched to before stays, and its health is judged', async () => {
    const world = await createSystemdWorld({ blog: { steps: ['true'] } }, { start: false })
    const restart = gate(world, 'restart')
    await world.configure({
      blog: {
        strategy: 'releases',
        steps: ['echo built >>built'],
        activate: [restart.step],
        health: { command: 'test "$(cat built)" = built' },
        after: ['echo told >>built'],
      },
    })
    await world.start()
    const id = await world.ship({ f: '1' })
    await restart.reached()
    await killed(world, 'SIGKILL')
    await restart.open()
    await world.start()
    const done = await world.done(id)
    expect(done).toMatchObject({ outcome: 'succeeded', attempts: 1 })
    expect(done.steps.map(({ name, exitCode }) => [name, exitCode]).at(-2)).toEqual(['health', 0])
    expect(await world.read('srv', 'blog', 'current', 'built')).toBe('built\ntold\n')
  })

  it('keeps what a step is to keep, across a restart of the daemon', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    await world.configure({
      blog: {
        steps: [{ run: `sleep 1000 >/dev/null 2>&1 & echo $! >${world.path('kept')}`, background: 'keep' }, 'true'],
      },
    })
    await world.start()
    expect(await world.done(await world.ship({ f: '1' }))).toMatchObject({ outcome: 'succeeded' })
    const pid = Number(await world.read('kept'))
    expect(unitsLeft()).toContain('deployhook-blog-1.step-1.service')
    await killed(world, 'SIGTERM')
    await world.start()
    expect(existsSync(`/proc/${pid}`)).toBe(true)
    process.kill(pid, 'SIGKILL')
    await expect.poll(unitsLeft, { timeout: 10_000 }).toBe('')
  })

  it('of an app with executor: process is a child of the daemon, as before', async () => {
    const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
    await world.configure({ blog: { executor: 'process', steps: ['cat /proc/self/cgroup'] } })
    await world.start()
    const id = await world.ship({ f: '1' })
    expect(await world.done(id)).toMatchObject({ outcome: 'succeeded' })
    expect(await logOf(world, id)).not.toContain('.service')
  })
})
