import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { noCgroups, openCgroups, openCgroupsIn, type Cgroups } from '../../src/runner/cgroups.ts'
import { ownCgroup } from '../../src/runner/own-cgroup.ts'
import { endFound } from '../../src/runner/processes.ts'
import { silentLog } from '../store/support.ts'
import { createDeploying, script } from './deploying.ts'
import { isAlive, startRunning, temporaryFolder, until, type Running } from './running.ts'

const own = ownCgroup({
  membership: readFileSync('/proc/self/cgroup', 'utf8'),
  mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
})
const trial = openCgroups({ stateId: 'test', log: silentLog })
trial.close()

/** Gets rid of everything before anybody can look, and tells its pid in a file. */
const escape = `(env -i setsid sh -c 'echo $$ > pid; exec sleep 1000' >/dev/null 2>&1 </dev/null &)`

describe.skipIf(trial === noCgroups)('a cgroup for each command (needs a cgroup v2 that may be written)', () => {
  it('finds and ends who has got rid of every other mark in no time', async () => {
    const running = startRunning({ cgroups: opened() })
    expect((await running.sh(`${escape}; exec sleep 0.01`)).result).toEqual({
      kind: 'exited',
      exitCode: 0,
      leftovers: 1,
    })
    expectNobody(running)
  })

  it('ends those as well that a command has put into cgroups of its own, and removes all of them', async () => {
    const running = startRunning({ cgroups: opened() })
    const text = `d=$(find ${own} -maxdepth 1 -name "deployhook.$DEPLOYHOOK_COOKIE.*"); mkdir -p $d/a/b
      echo 0 > $d/a/b/cgroup.procs; ${escape}; exec sleep 0.01`
    expect((await running.sh(text)).result).toEqual({ kind: 'exited', exitCode: 0, leftovers: 1 })
    expectNobody(running)
  })

  it('is ended as a whole at the first SIGKILL, whomever the looks at /proc have missed', async () => {
    const { started, cgroup } = opened().start('test.1.1', () => spawn('sleep', ['1000'], { stdio: 'ignore' }))
    const ghost = { pid: 2 ** 22 + 1, parent: 1, group: 1, session: 1, startedAt: 0 }
    let looks = 0
    const find = () => {
      looks++
      return { found: isAlive(started.pid ?? 0) ? [ghost] : [], isSure: true }
    }
    await endFound(find, { group: null, cgroup, settleMs: 0, graceMs: 0 })
    expect(isAlive(started.pid ?? 0)).toBe(false)
    expect(looks, 'not only when all else was given up').toBeLessThan(50)
    expect(cgroup.remove()).toBe(true)
  })

  it('changes nothing for the command: its environment, its exit code, and why it could not be started', async () => {
    const running = startRunning({ cgroups: opened() })
    const { output, result } = await running.sh('env; exit 42')
    expect(result).toEqual({ kind: 'exited', exitCode: 42, leftovers: 0 })
    expect(output.toString()).toBe(
      (
        await startRunning().sh('env', { cwd: running.folder, env: { DEPLOYHOOK_COOKIE: running.cookie } })
      ).output.toString(),
    )
    expect((await running.run(['no-such-command'])).result).toMatchObject({ reason: 'command_missing' })
    expect((await running.run(['/etc/passwd'])).result).toMatchObject({ reason: 'not_executable' })
    expectNobody(running)
  })

  it('brings the daemon back to its own', async () => {
    const before = readFileSync('/proc/self/cgroup', 'utf8')
    const running = startRunning({ cgroups: opened() })
    const { output } = await running.run(['cat', '/proc/self/cgroup'])
    expect(output.toString()).toContain(`deployhook.${running.cookie}.`)
    expect(readFileSync('/proc/self/cgroup', 'utf8')).toBe(before)
  })

  it('leaves be what is to be kept running, and is removed when that has ended', async () => {
    const running = startRunning({ cgroups: opened() })
    await running.sh(`${escape}; while ! [ -s pid ]; do sleep 0.01; done`, { background: 'keep' })
    const pid = await pidOf(running.folder)
    expect(isAlive(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
    await until(() => !isAlive(pid))
    await running.sh('true')
    expect(cgroupsOf(running.cookie)).toEqual([])
  })

  it('does without when there can be none: the command runs all the same', async () => {
    const running = startRunning({ cgroups: opened() })
    const tooLong = `${'x'.repeat(300)}.1.1`
    const { result } = await running.sh('exit 3', { env: { DEPLOYHOOK_COOKIE: tooLong } })
    expect(result).toEqual({ kind: 'exited', exitCode: 3, leftovers: 0 })
  })

  it('is never ended with the daemon in it', () => {
    const code = `
      import { mkdirSync, writeFileSync } from 'node:fs'
      import { cgroupOf } from ${JSON.stringify(join(import.meta.dirname, '../../src/runner/cgroup.ts'))}
      const directory = ${JSON.stringify(join(own ?? '', `deployhook.test-${randomBytes(8).toString('hex')}`))}
      mkdirSync(directory)
      writeFileSync(directory + '/cgroup.procs', '0')
      const cgroup = cgroupOf([directory])
      cgroup.kill()
      console.log(cgroup.pids().size)
      writeFileSync(${JSON.stringify(join(own ?? '', 'cgroup.procs'))}, '0')
      console.log(cgroup.remove())`
    const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', code])
    expect({ signal, said: stdout.toString() }).toEqual({ signal: null, said: '0\ntrue\n' })
  })

  it('tells the next daemon what one that was killed has left, and what a step was to keep', async () => {
    const world = createDeploying({ cgroups: (stateId) => opened(stateId) })
    const service = script(`${escape}; while ! [ -s pid ]; do sleep 0.01; done`, { background: 'keep' })
    expect(await world.deploy([service])).toMatchObject({ outcome: 'succeeded' })
    const kept = await pidOf(world.tree)
    const killed = opened(world.stateId).start(`${world.stateId}.13.1`, () =>
      spawn('sleep', ['1000'], { env: {}, detached: true, stdio: 'ignore' }),
    ).started

    expect(await world.runner.endLeftovers([])).toBe(1)
    expect(isAlive(killed.pid ?? 0)).toBe(false)
    expect(isAlive(kept)).toBe(true)
    expect(cgroupsOf(world.stateId)).toHaveLength(1)

    process.kill(kept, 'SIGKILL')
    await until(() => !isAlive(kept))
    opened(world.stateId)
    expect(cgroupsOf(world.stateId)).toEqual([])
  })
})

it('is none where the daemon may make none', () => {
  const folder = temporaryFolder()
  expect(() => openCgroupsIn(folder, { stateId: 'test', log: silentLog })).toThrow()
})

/** Closed after the test. */
function opened(stateId = 'test'): Cgroups {
  const cgroups = openCgroups({ stateId, log: silentLog })
  onTestFinished(() => {
    cgroups.close()
  })
  return cgroups
}

/** What `escape` told; ended after the test. */
async function pidOf(folder: string): Promise<number> {
  const file = join(folder, 'pid')
  await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '')
  const pid = Number(readFileSync(file, 'utf8'))
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  })
  return pid
}

function expectNobody({ folder, cookie }: Running): void {
  expect(cgroupsOf(cookie)).toEqual([])
  const file = join(folder, 'pid')
  if (existsSync(file)) expect(isAlive(Number(readFileSync(file, 'utf8')))).toBe(false)
}

function cgroupsOf(cookie: string): readonly string[] {
  return readdirSync(own ?? '/').filter((name) => name.startsWith(`deployhook.${cookie}.`))
}
