import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { endProcesses } from '../../src/runner/processes.ts'
import { isAlive } from './running.ts'

describe('ending the processes of an earlier daemon', () => {
  it('ends those whose cookie starts with the state’s id, in whatever session, and says how many', async () => {
    const state = randomId()
    start({ cookie: `${state}.1.1` })
    start({ cookie: `${state}.27.3`, detached: true })
    expect(await endProcesses(`${state}.`, { graceMs: 5_000 })).toBe(2)
  })

  it('leaves alone whose cookie is another state’s, or who only mentions one', async () => {
    const state = randomId()
    const others = [
      start({ cookie: `${state}0.1.1` }),
      start({ cookie: `x${state}.1.1` }),
      start({ env: { OTHER: `DEPLOYHOOK_COOKIE=${state}.1.1` } }),
      start({ env: { NOT_DEPLOYHOOK_COOKIE: `${state}.1.1` } }),
    ]
    expect(await endProcesses(`${state}.`, { graceMs: 100 })).toBe(0)
    expect(others.map(({ pid }) => isAlive(pid ?? 0))).toEqual([true, true, true, true])
  })

  it('ends by SIGKILL after the grace who ignores SIGTERM', async () => {
    const state = randomId()
    const deaf = start({
      cookie: `${state}.1.1`,
      argv: ['sh', '-c', "trap '' TERM; echo ready; while :; do sleep 0.05; done"],
    })
    await new Promise((resolve) => deaf.stdout?.once('data', resolve))
    const ended = new Promise((resolve) =>
      deaf.once('exit', (_, signal) => {
        resolve(signal)
      }),
    )
    expect(await endProcesses(`${state}.`, { graceMs: 100 })).toBeGreaterThanOrEqual(1)
    expect(await ended).toBe('SIGKILL')
  })

  it('lets who heeds SIGTERM end in its own way', async () => {
    const state = randomId()
    const polite = start({
      cookie: `${state}.1.1`,
      argv: ['bash', '-c', "trap 'exit 3' TERM; echo ready; while :; do :; done"],
    })
    await new Promise((resolve) => polite.stdout?.once('data', resolve))
    const ended = new Promise((resolve) => polite.once('exit', resolve))
    await endProcesses(`${state}.`, { graceMs: 20_000 })
    expect(await ended).toBe(3)
  })

  it('spares itself, even when it was started with such a cookie', async () => {
    const state = randomId()
    const code = `
      import { endProcesses } from ${JSON.stringify(join(import.meta.dirname, '../../src/runner/processes.ts'))}
      console.log(await endProcesses('${state}.', { graceMs: 100 }))`
    const itself = start({ cookie: `${state}.1.1`, argv: [process.execPath, '--input-type=module', '-e', code] })
    let output = ''
    itself.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const exitCode = await new Promise((resolve) => itself.once('exit', resolve))
    expect([exitCode, output]).toEqual([0, '0\n'])
  })
})

function randomId(): string {
  return `test${randomBytes(8).toString('hex')}`
}

/** A process that is gone after the test, whatever happens. */
function start(options: {
  readonly cookie?: string
  readonly env?: Readonly<Record<string, string>>
  readonly argv?: readonly [string, ...string[]]
  readonly detached?: boolean
}): ChildProcess {
  const { cookie, env = {}, argv: [file, ...args] = ['sleep', '1000'], detached = false } = options
  const cookies = cookie === undefined ? {} : { DEPLOYHOOK_COOKIE: cookie }
  const child = spawn(file, args, {
    detached,
    env: { PATH: '/usr/bin:/bin', ...cookies, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}
