import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { command, createDeploying, script, type World } from './deploying.ts'
import { isAlive, until } from './running.ts'

/** Starts a service that goes on after the step, and says where it is. */
const service = script('nohup sleep 1000 > log 2>&1 & echo $! > pid', { background: 'keep' })

function pidIn(world: World): number {
  const pid = Number(readFileSync(join(world.tree, 'pid'), 'utf8'))
  onTestFinished(async () => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    await until(() => !isAlive(pid))
  })
  return pid
}

describe('what a step with background: keep leaves running', () => {
  it('outlives the step, those after it, the deployment, the next deployment and a restart', async () => {
    const world = createDeploying()
    const after = script('sleep 1000 & exit 0')
    expect(await world.deploy([service, after])).toMatchObject({ outcome: 'succeeded' })
    const pid = pidIn(world)

    await world.deploy([command(['true'])], {}, { attempt: 2 })
    expect(await world.runner.endLeftovers([])).toBe(0)
    expect(isAlive(pid)).toBe(true)
    expect(world.told.filter((line) => line.includes('left a process running'))).toHaveLength(1)
  })

  it('is ended with the step when that fails, is cancelled or takes too long', async () => {
    const world = createDeploying({ graceMs: 300 })
    for (const [end, rest] of [
      ['exit 1', {}],
      ['sleep 1000', { timeoutMs: 200 }],
    ] as const) {
      const text = `sleep 1000 & echo $! > pid; ${end}`
      expect(await world.deploy([script(text, { background: 'keep', ...rest })])).not.toMatchObject({
        outcome: 'succeeded',
      })
      expect(isAlive(pidIn(world))).toBe(false)
    }
  })

  it('is ended by a restart while its step was still running', async () => {
    const controller = new AbortController()
    const world = createDeploying({
      onOutput: () => {
        void world.runner.endLeftovers([]).then((ended) => {
          expect(ended).toBe(2)
          controller.abort('interrupted')
        })
      },
    })
    const running = script('sleep 1000 & echo $! > pid; echo ready; wait; sleep 1000', { background: 'keep' })
    await world.deploy([running], {}, { signal: controller.signal })
    expect(isAlive(pidIn(world))).toBe(false)
  })

  it('is forgotten once it has ended', async () => {
    const world = createDeploying()
    await world.deploy([service])
    const pid = pidIn(world)
    expect(readdirSync(join(world.state, 'kept'))).toEqual([`${world.stateId}.12.1.step-1`])
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => isAlive(pid)).toBe(false)

    await world.runner.endLeftovers([])
    expect(readdirSync(join(world.state, 'kept'))).toEqual([])
  })
})
