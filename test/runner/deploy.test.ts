import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { globOf } from '../../src/model/glob.ts'
import type { Stop } from '../../src/runner/runner.ts'
import type { Workspace } from '../../src/runner/workspace.ts'
import { command, createDeploying, deployment, earlier, script, tip, type WorldOptions } from './deploying.ts'

describe('a deployment', () => {
  it('fetches, names the commit, checks it out, runs the steps and remembers the tree, in this order', async () => {
    const world = createDeploying()
    const result = await world.deploy([script('echo building'), command(['echo', 'done'])])
    expect(result).toMatchObject({ outcome: 'succeeded', reason: null })
    expect(result.message).toMatch(/^main at 1a2b3c4d5e6f is live in \S+\/tree, after 2 steps and [\d.]+ s$/)
    expect(world.told.map((line) => line.replace(/[\d.]+ s$/, 'N s'))).toEqual([
      '# fetching main of https://git.test/acme/blog.git',
      'fetch with 12.1',
      'revision 1a2b3c4d5e6f',
      '# main is at 1a2b3c4d5e6f',
      `# checking out 1a2b3c4d5e6f in ${world.tree}`,
      'checkout 1a2b3c4d5e6f for 12',
      'step 1 started: echo building',
      '# step 1/2: echo building',
      'step 1 has no more output',
      'step 1 finished: 0',
      '# step 1/2 (echo building): exit code 0 after N s',
      'step 2 started: echo done',
      '# step 2/2: echo done',
      'step 2 has no more output',
      'step 2 finished: 0',
      '# step 2/2 (echo done): exit code 0 after N s',
      'record built',
    ])
    expect(world.output()).toBe('building\ndone\n')
  })

  it('may have no steps at all', async () => {
    const result = await createDeploying().deploy([])
    expect(result).toMatchObject({ outcome: 'succeeded' })
  })

  it('passes its fail points in order', async () => {
    const points: string[] = []
    const world = createDeploying({ failPoint: (stage) => void points.push(stage) })
    await world.deploy([script('echo 1'), script('echo 2'), script('echo 3')])
    expect(points).toEqual([
      'before-steps',
      'in-step',
      'between-steps',
      'between-steps',
      'after-steps',
      'before-switch',
      'after-switch',
    ])
  })

  it('tells when the branch is elsewhere than the push said', async () => {
    const world = createDeploying()
    const moved = { deployment: deployment({ requestedRevision: earlier }) }
    await world.deploy([], {}, moved)
    expect(world.told).toContain(
      '# main is at 1a2b3c4d5e6f; 9f8e7d6c5b4a was asked for, and the branch is elsewhere by now',
    )
  })

  it.each([
    ['the map', { adopt: true }, {}],
    ['the person who asked', {}, { deployment: deployment({ adopt: true }) }],
  ])('takes over a directory when %s says so', async (_, app, job) => {
    const world = createDeploying()
    await world.deploy([], app, job)
    expect(world.told).toContain('checkout 1a2b3c4d5e6f for 12, adopting')
  })

  it('is skipped, without a fetch, when the reloaded map wants its branch no more', async () => {
    const world = createDeploying()
    const changed = { branch: null, branches: [globOf('release/*')] }
    expect(await world.deploy([script('echo no')], changed)).toEqual({
      outcome: 'skipped',
      reason: 'ref_unwanted',
      message: 'blog does not deploy branch main any more, but branches release/*',
    })
    expect(world.told).toEqual([])
  })

  it('is skipped when the branch is gone', async () => {
    const world = createDeploying({ workspace: { fetch: () => Promise.resolve({ kind: 'branch_gone' }) } })
    expect(await world.deploy([script('echo no')])).toEqual({
      outcome: 'skipped',
      reason: 'branch_gone',
      message: 'there is no branch main at https://git.test/acme/blog.git (any more), so nothing was deployed',
    })
    expect(world.told.some((line) => line.startsWith('checkout'))).toBe(false)
  })

  it('is skipped for a reason of the worker, once the tip is named and before the tree is touched', async () => {
    const world = createDeploying()
    const skip = { reason: 'already_live', message: 'main is live already' }
    const result = await world.deploy(
      [script('echo no')],
      {},
      { skip: (found) => Promise.resolve(found === tip ? skip : null) },
    )
    expect(result).toEqual({ outcome: 'skipped', ...skip })
    expect(world.told).toContain('revision 1a2b3c4d5e6f')
    expect(world.told.some((line) => line.startsWith('checkout'))).toBe(false)
  })

  it.each(['fetch', 'checkout'] as const)("fails with git's own reason when the %s fails", async (phase) => {
    const failure = { kind: 'failed', reason: 'auth', message: 'the token was not accepted' } as const
    const world = createDeploying({ workspace: { [phase]: () => Promise.resolve(failure) } })
    const result = await world.deploy([script('echo no')])
    expect(result).toEqual({ outcome: 'failed', reason: 'auth', message: 'the token was not accepted' })
    expect(world.output()).toBe('')
  })

  it.each(['fetch', 'checkout', 'recordBuilt'] as const)(
    'throws when the daemon itself breaks in %s',
    async (phase) => {
      const broken = new Error('broken')
      const world = createDeploying({ workspace: { [phase]: () => Promise.reject(broken) } })
      await expect(world.deploy([])).rejects.toBe(broken)
    },
  )

  it('throws when its log cannot be written, and leaves no process', async () => {
    const disk = new Error('disk full')
    const world = createDeploying({
      onOutput: () => {
        throw disk
      },
    })
    await expect(world.deploy([script('yes')])).rejects.toBe(disk)
  })
})

const phases = ['start', 'fetch', 'naming', 'checkout', 'step', 'between', 'record'] as const
const stops = [
  ['cancelled', { outcome: 'cancelled', reason: null }],
  ['timed_out', { outcome: 'timed_out', reason: 'timeout' }],
  ['interrupted', { outcome: 'interrupted', reason: null }],
] as const

describe('a deployment that is ended early', () => {
  for (const phase of phases) {
    it.each(stops)(`in its ${phase} ends as %s and goes no further`, async (why, ended) => {
      const controller = new AbortController()
      const stopIn = (here: (typeof phases)[number]) => {
        if (here === phase) controller.abort(why)
      }
      const world = createDeploying(stoppingAt(stopIn, why))
      stopIn('start')
      const second = script(`touch ${join(world.tree, 'second')}`)
      const skip = () => {
        stopIn('naming')
        return Promise.resolve(null)
      }
      const first = script(phase === 'step' ? 'echo working; sleep 1000' : 'echo working')
      const result = await world.deploy([first, second], { timeoutMs: 90_000 }, { signal: controller.signal, skip })

      expect(result).toMatchObject(ended)
      if (phase !== 'record') expect(existsSync(join(world.tree, 'second'))).toBe(false)
      if (phase !== 'record') expect(world.told).not.toContain('record built')
    })
  }

  it('says which limit it ran into', async () => {
    const controller = new AbortController()
    const world = createDeploying({
      onOutput: () => {
        controller.abort('timed_out')
      },
    })
    const step = script('echo working; sleep 1000', { name: 'build' })
    const result = await world.deploy([step], { timeoutMs: 90_000 }, { signal: controller.signal })
    expect(result.message).toBe(
      'ended during step 1/1 (build): the deployment took longer than its limit of 1m30s (timeout of the app)',
    )
  })

  it('is ended by the limit of a step, which says so', async () => {
    const world = createDeploying()
    const result = await world.deploy([script('sleep 1000', { name: 'build', timeoutMs: 200 }), script('echo no')])
    expect(result).toEqual({
      outcome: 'timed_out',
      reason: 'timeout',
      message: 'step 1/2 (build) took longer than its own limit of 200ms (timeout of the step)',
    })
    expect(world.output()).toBe('')
  })
})

describe('the runner', () => {
  it('ends what an earlier daemon left behind, and takes its scripts and pipes away', async () => {
    const world = createDeploying({ graceMs: 300 })
    mkdirSync(join(world.state, 'work', 'steps'), { recursive: true })
    writeFileSync(join(world.state, 'work', 'steps', '7-1-1.sh'), 'echo left')
    mkdirSync(join(world.state, 'work', 'pipe-x'))
    const left = leftBehind(`${world.stateId}.7.1`)
    expect(await world.runner.endLeftovers([])).toBe(1)
    await left.ended
    expect(existsSync(join(world.state, 'work'))).toBe(false)
  })

  it('moves the tree, the view and the stand-in home of an app that got another name', async () => {
    const world = createDeploying()
    mkdirSync(join(world.state, 'homes', 'old'), { recursive: true })
    writeFileSync(join(world.state, 'homes', 'old', '.npmrc'), '')
    await world.runner.rename('old', 'new')
    await world.runner.rename('old', 'new')
    expect(world.told).toEqual(['rename old new', 'rename old new'])
    expect(readdirSync(join(world.state, 'homes', 'new'))).toEqual(['.npmrc'])
  })
})

/** A world that calls `stopIn` in each phase; its workspace answers to the signal as git would. */
function stoppingAt(stopIn: (phase: (typeof phases)[number]) => void, why: Stop): WorldOptions {
  const unless = <T>(signal: AbortSignal, answer: T) => (signal.aborted ? ({ kind: 'stopped', why } as const) : answer)
  const workspace: Partial<Workspace> = {
    fetch: (_, { signal }) => {
      stopIn('fetch')
      return Promise.resolve(unless(signal, { kind: 'tip', revision: tip } as const))
    },
    checkout: (_, __, { signal }) => {
      stopIn('checkout')
      return Promise.resolve(unless(signal, { kind: 'checked_out' } as const))
    },
    recordBuilt: (_, { signal }) => {
      stopIn('record')
      return signal.aborted ? Promise.reject(new Error('git was ended')) : Promise.resolve()
    },
  }
  return {
    workspace,
    onOutput: () => {
      stopIn('step')
    },
    failPoint: (stage) => {
      if (stage === 'between-steps') stopIn('between')
    },
  }
}

function leftBehind(cookie: string): { readonly ended: Promise<unknown> } {
  const child = spawn('sleep', ['1000'], {
    env: { PATH: '/usr/bin:/bin', DEPLOYHOOK_COOKIE: cookie },
    detached: true,
    stdio: 'ignore',
  })
  return { ended: new Promise((resolve) => child.once('exit', resolve)) }
}
