import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isAlive, startRunning, until } from './running.ts'

describe('what a command leaves behind', () => {
  it('does not keep its end from being seen, and is ended: a background child that holds the output open', async () => {
    const { result, output } = await startRunning().sh('sleep 1000 & echo done')
    expect(result).toEqual({ kind: 'exited', exitCode: 0, leftovers: 1 })
    expect(output.toString()).toBe('done\n')
  })

  it.each([
    ['nohup', 'nohup sleep 1000 &'],
    ['its own session', 'setsid sleep 1000 &'],
    ['its own session, without the output', 'setsid sleep 1000 >/dev/null 2>&1 </dev/null &'],
    ['a double fork', '(setsid sh -c "sleep 1000 & exit" &)'],
    ['ignoring SIGTERM', `setsid sh -c "trap '' TERM; while :; do sleep 0.05; done" &`],
    ['an empty environment in the same session', 'env -i sleep 1000 &'],
    ['a group of its own', `bash -c 'set -m; sleep 1000 & exit'`],
    ['all of it cleared but the output', 'env -i setsid sleep 1000 &'],
    ['the same, and flooding the output', 'env -i setsid yes &'],
    ['all of it cleared after it was seen', `env -i setsid sleep 1000 >/dev/null 2>&1 &`],
    [
      'the children of one that was seen',
      `env -i setsid bash -c 'sleep 0.1; sleep 1000 & sleep 1000' >/dev/null 2>&1 &`,
    ],
  ])('is found and ended: %s', async (_, text) => {
    const { result } = await startRunning().sh(`${text}\nsleep 0.2; exit 7`, { graceMs: 300 })
    expect(result).toMatchObject({ kind: 'exited', exitCode: 7 })
    expect(result).toHaveProperty(
      'leftovers',
      expect.toSatisfy((count: number) => count >= 1),
    )
  })

  it('is found and ended: 50 children', async () => {
    const { result } = await startRunning().sh('for i in $(seq 50); do sleep 1000 & done; exit 1')
    expect(result).toEqual({ kind: 'exited', exitCode: 1, leftovers: 50 })
  })

  it('is counted without the zombies in it', async () => {
    // The inner shell becomes a `sleep`, which never waits for the child that has ended.
    const { result } = await startRunning().sh('sh -c "sleep 0.01 & exec sleep 1000" & sleep 0.3')
    expect(result).toEqual({ kind: 'exited', exitCode: 0, leftovers: 1 })
  })

  it('is found and ended: children that keep forking', async () => {
    const fork = 'f() { while :; do sleep 0.01 & done; }; f & f &'
    const { result } = await startRunning().sh(`trap '' TERM; ${fork} sleep 0.1`, { graceMs: 100 })
    expect(result).toMatchObject({ kind: 'exited', exitCode: 0 })
  })

  it('may finish reading what the command wrote: a filter behind it loses nothing', async () => {
    const { result, output } = await startRunning().run([
      'bash',
      '-c',
      'exec > >(sleep 0.1; sed s/^/filtered:/) 2>&1; echo one; echo two',
    ])
    expect(result).toEqual({ kind: 'exited', exitCode: 0, leftovers: 0 })
    expect(output.toString()).toBe('filtered:one\nfiltered:two\n')
  })

  it('does not hold up the outcome when nothing tells that it is ours: started in no time, and all marks cleared', async () => {
    const running = startRunning()
    const file = join(running.folder, 'pid')
    const { result, output } = await running.sh(
      `env -i setsid sh -c 'echo $$ > ${file}; exec sleep 1000' >/dev/null 2>&1 & echo done; exec sleep 0.01`,
    )
    await until(() => existsSync(file))
    const pid = Number(readFileSync(file, 'utf8'))
    onTestFinished(() => {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    })
    expect(result).toMatchObject({ kind: 'exited', exitCode: 0 })
    expect(output.toString()).toBe('done\n')
  })

  it('is kept when it is to be kept, and is ended all the same when the command fails', async () => {
    const running = startRunning()
    const kept = await running.sh('sleep 1000 & echo $!', { background: 'keep' })
    const pid = Number(kept.output.toString())
    onTestFinished(async () => {
      process.kill(pid, 'SIGKILL')
      await until(() => !isAlive(pid))
    })
    expect(kept.result).toEqual({ kind: 'exited', exitCode: 0, leftovers: 0 })
    expect(isAlive(pid)).toBe(true)

    const failed = await startRunning().sh('sleep 1000 & exit 3', { background: 'keep' })
    expect(failed.result).toEqual({ kind: 'exited', exitCode: 3, leftovers: 1 })
    const late = await startRunning().sh('sleep 1000 & wait', { background: 'keep', timeoutMs: 200 })
    expect(late.result).toMatchObject({ kind: 'stopped', why: 'limit' })
  })

  it('is told apart from another command: a cookie that only starts the same is left alone', async () => {
    const running = startRunning()
    const started = Promise.withResolvers<undefined>()
    const first = running.sh('mkfifo gate; echo ready; read line < gate', {
      onOutput: () => {
        started.resolve(undefined)
      },
    })
    await started.promise
    const other = await startOther({ DEPLOYHOOK_COOKIE: `${running.cookie}0` })
    writeFileSync(join(running.folder, 'gate'), 'open\n')
    expect((await first).result).toEqual({ kind: 'exited', exitCode: 0, leftovers: 0 })
    expect(isAlive(other)).toBe(true)
  })

  it('is told apart from another command: the same cookie in an older process is left alone', async () => {
    const running = startRunning()
    const other = await startOther({ DEPLOYHOOK_COOKIE: running.cookie })
    // Ages are told in clock ticks of 10 ms.
    const born = bornAt(other)
    await until(() => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100 > born + 1)
    expect((await running.sh('true')).result).toEqual({ kind: 'exited', exitCode: 0, leftovers: 0 })
    expect(isAlive(other)).toBe(true)
  })
})

/** A process that no command started; gone after the test. */
async function startOther(env: Readonly<Record<string, string>>): Promise<number> {
  const child = spawn('sleep', ['1000'], { env: { PATH: '/usr/bin:/bin', ...env }, stdio: 'ignore' })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  await once(child, 'spawn')
  return child.pid ?? 0
}

/** In clock ticks since boot: field 22 of proc_pid_stat(5); the name `sleep` holds no spaces. */
function bornAt(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21])
}
