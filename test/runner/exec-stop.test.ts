import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startRunning, until } from './running.ts'

/** Traps SIGTERM, tells that it is ready, and stays. */
const deaf = "trap '' TERM; echo ready; while :; do sleep 0.05; done"

describe('a command that is ended', () => {
  it('is ended by its own limit', async () => {
    const { result } = await startRunning().sh('echo before; sleep 1000', { timeoutMs: 200 })
    expect(result).toEqual({ kind: 'stopped', why: 'limit', leftovers: 0 })
  })

  it('is not ended by a limit longer than a timer of Node can count', async () => {
    const { result } = await startRunning().sh('sleep 0.2', { timeoutMs: 400 * 24 * 3600 * 1000 })
    expect(result).toEqual({ kind: 'exited', exitCode: 0, leftovers: 0 })
  })

  it('has ended in time when it has, though the daemon had stood still and sees it too late', async () => {
    const { result } = await startRunning().sh('echo ready; sleep 0.3', {
      timeoutMs: 2_000,
      onOutput: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500),
    })
    expect(result).toEqual({ kind: 'exited', exitCode: 0, leftovers: 0 })
  })

  it('ends by SIGTERM when it heeds it, with its last words kept', async () => {
    const { result, output } = await startRunning().sh(
      "trap 'echo bye; exit 0' TERM; echo hi; while :; do sleep 0.05; done",
      {
        timeoutMs: 300,
      },
    )
    expect(result).toEqual({ kind: 'stopped', why: 'limit', leftovers: 0 })
    // Between the two the shell itself tells that its `sleep` was ended.
    expect(output.toString()).toMatch(/^hi\n(?:Terminated\n)?bye\n$/)
  })

  it('ends by SIGKILL after the grace when it ignores SIGTERM', async () => {
    const { result, output } = await startRunning().sh(deaf, { timeoutMs: 300, graceMs: 200 })
    expect(result).toMatchObject({ kind: 'stopped', why: 'limit' })
    expect(output.toString()).toBe('ready\n')
  })

  it('ends with its children, also those that ignore SIGTERM or have a session of their own', async () => {
    const { result } = await startRunning().sh(`(${deaf}) & setsid sh -c "${deaf}" & setsid nohup sleep 1000 & wait`, {
      timeoutMs: 400,
      graceMs: 300,
    })
    expect(result).toMatchObject({ kind: 'stopped', why: 'limit' })
  })

  it('gives its children the whole grace, even when it goes first itself', async () => {
    const running = startRunning()
    const mark = join(running.folder, 'tidied')
    const child = `(trap 'sleep 0.3; touch ${mark}; exit' TERM; while :; do sleep 0.02; done)`
    await running.sh(`${child} & echo ready; wait`, { timeoutMs: 300, graceMs: 10_000 })
    expect(existsSync(mark)).toBe(true)
  })

  it.each(['cancelled', 'timed_out', 'interrupted'] as const)('is ended by the signal and says %s', async (why) => {
    const controller = new AbortController()
    const { result } = await startRunning().sh('echo ready; sleep 1000', {
      signal: controller.signal,
      onOutput: () => {
        controller.abort(why)
      },
    })
    expect(result).toEqual({ kind: 'stopped', why, leftovers: 0 })
  })

  it('is not even started when the signal came first', async () => {
    const running = startRunning()
    const mark = join(running.folder, 'ran')
    const { result } = await running.run(['touch', mark], { signal: AbortSignal.abort('cancelled') })
    expect(result).toEqual({ kind: 'stopped', why: 'cancelled', leftovers: 0 })
    expect(existsSync(mark)).toBe(false)
  })

  it('counts the first reason', async () => {
    const controller = new AbortController()
    const running = startRunning()
    const started = running.sh(deaf, {
      signal: controller.signal,
      graceMs: 300,
      onOutput: () => {
        controller.abort('timed_out')
      },
      timeoutMs: 20_000,
    })
    await until(() => controller.signal.aborted)
    controller.abort('cancelled')
    expect((await started).result).toMatchObject({ kind: 'stopped', why: 'timed_out' })
  })
})
