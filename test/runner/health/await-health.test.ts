import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pause } from '../../../src/lib/pause.ts'
import type { HealthCheck } from '../../../src/model/health-check.ts'
import { awaitHealth, bake, freePort } from '../../../src/runner/health/index.ts'
import { sick, well, type Answer, type Ask } from '../../../src/runner/health/probe.ts'
import { check, httpCheck, openAsk, startHttp } from './asking.ts'

const unit = (name: string, rest: Partial<HealthCheck> = {}) => check({ kind: 'systemd_unit', unit: name }, rest)
const up = () => Promise.resolve(well)
const down = () => Promise.resolve(sick('is failed'))

/** What waits for health on a clock of its own, which pauses alone move. */
function openWait(ask: Ask) {
  let now = 0
  const notes: string[] = []
  const pauses: number[] = []
  const stop = new AbortController()
  const deps = {
    ask,
    signal: stop.signal,
    monotonic: () => now,
    note: (text: string) => Promise.resolve(void notes.push(text)),
    pause: async (ms: number) => {
      pauses.push(ms)
      now += ms
      await Promise.resolve()
    },
  }
  const takes = (ms: number) => (now += ms)
  return { deps, notes, pauses, stop, takes, now: () => now }
}

/** Answers in their order, the last one for ever. */
function inTurn(...answers: readonly Answer[]): Ask {
  let turn = 0
  return () => Promise.resolve(answers[Math.min(turn++, answers.length - 1)] ?? well)
}

describe('waiting for health', () => {
  it('tries until it is well, and notes the first failure and the end', async () => {
    const wait = openWait(inTurn(sick('is activating'), sick('is activating'), well))
    expect(await awaitHealth([unit('api.service')], wait.deps)).toEqual({ kind: 'well' })
    expect(wait.pauses).toEqual([1_000, 1_000])
    expect(wait.notes).toEqual([
      'health: systemd_unit api.service is activating; trying again every 1s, at most 30 times',
      'health: systemd_unit api.service is well after 3 tries, 2.0 s',
    ])
  })

  it.each([0, 2])('gives up after %i retries', async (retries) => {
    const wait = openWait(down)
    expect(await awaitHealth([unit('api.service', { retries })], wait.deps)).toEqual({
      kind: 'sick',
      check: 'systemd_unit api.service',
      why: 'is failed',
      tries: retries + 1,
    })
    expect(wait.pauses).toHaveLength(retries)
    expect(wait.notes).toHaveLength(1)
  })

  it('is well when there is nothing to ask', async () => {
    expect(await awaitHealth([], openWait(down).deps)).toEqual({ kind: 'well' })
  })

  it('tries all at the same time, under different names', async () => {
    const names: string[] = []
    let open: (answer: Answer) => void = () => undefined
    const all = new Promise<Answer>((resolve) => (open = resolve))
    const wait = openWait((_, { name }) => {
      if (names.push(name) === 3) open(well)
      return all
    })
    expect(await awaitHealth([unit('a'), unit('b'), unit('c')], wait.deps)).toEqual({ kind: 'well' })
    expect(names).toEqual(['health-1', 'health-2', 'health-3'])
  })

  it('ends the others when one has used up its tries, and waits for their end', async () => {
    let ended = false
    const wait = openWait(async ({ retries }, { signal }) => {
      if (retries === 0) return sick('is failed')
      await once(signal, 'abort')
      await Promise.resolve()
      ended = true
      return sick('was stopped')
    })
    const health = await awaitHealth([unit('slow'), unit('api', { retries: 0 })], wait.deps)
    expect(health).toMatchObject({ kind: 'sick', check: 'systemd_unit api', why: 'is failed' })
    expect(ended).toBe(true)
  })

  it('throws what a broken probe throws, after the others', async () => {
    const wait = openWait(({ retries }, { signal }) =>
      retries === 0 ? Promise.reject(new Error('disk on fire')) : once(signal, 'abort').then(() => well),
    )
    await expect(awaitHealth([unit('a'), unit('b', { retries: 0 })], wait.deps)).rejects.toThrow('disk on fire')
  })

  it.each(['cancelled', 'timed_out', 'interrupted'] as const)('is %s while it waits for the next try', async (why) => {
    const wait = openWait(down)
    const waiting = awaitHealth([unit('api', { intervalMs: 3_600_000 })], {
      ...wait.deps,
      pause: (ms, signal) => {
        wait.stop.abort(why)
        return pause(ms, signal)
      },
    })
    expect(await waiting).toEqual({ kind: 'stopped', why })
  })

  it('waits for an app that does not listen yet', async () => {
    const port = await freePort()
    const server = createServer((_, response) => response.end())
    onTestFinished(() => void server.close())
    const wait = openWait(openAsk().ask)
    const start = async (ms: number) => {
      if (wait.now() === 0) await once(server.listen(port, '127.0.0.1'), 'listening')
      await wait.deps.pause(ms)
    }
    const url = `http://127.0.0.1:${port}/health?token=s3cr3t`
    expect(await awaitHealth([httpCheck(url)], { ...wait.deps, pause: start })).toEqual({ kind: 'well' })
    expect(wait.notes).toEqual([
      `health: http http://127.0.0.1:${port}/health refuses connections: nothing listens there (yet); trying again every 1s, at most 30 times`,
      `health: http http://127.0.0.1:${port}/health is well after 2 tries, 1.0 s`,
    ])
  })
})

describe('the bake time', () => {
  const often = unit('api.service', { intervalMs: 10_000 })

  it('looks at every interval, and last at its end', async () => {
    const looks: number[] = []
    const wait = openWait(() => {
      looks.push(wait.now())
      return up()
    })
    expect(await bake([often], 25_000, wait.deps)).toEqual({ kind: 'well' })
    expect(looks).toEqual([10_000, 20_000, 25_000])
    expect(wait.notes).toEqual(['health: bake time of 25s begins', 'health: all is well after the bake time of 25s'])
  })

  it('looks once more at its end when a look has taken longer than it', async () => {
    const looks: number[] = []
    const wait = openWait(() => {
      looks.push(wait.now())
      wait.takes(20_000)
      return up()
    })
    expect(await bake([often], 25_000, wait.deps)).toEqual({ kind: 'well' })
    expect(looks).toEqual([10_000, 30_000])
  })

  it('ends with the first failure, however often a check may fail before', async () => {
    const wait = openWait(inTurn(well, sick('is failed'), well))
    expect(await bake([often], 60_000, wait.deps)).toEqual({
      kind: 'sick',
      check: 'systemd_unit api.service',
      why: 'was well, and failed 20 s into the bake time: it is failed',
      tries: 2,
    })
  })

  it('is sick when its very last look fails', async () => {
    const wait = openWait(inTurn(well, well, sick('is failed')))
    expect(await bake([often], 25_000, wait.deps)).toMatchObject({ kind: 'sick', tries: 3 })
  })

  it('finds an app that hangs', async () => {
    let asked = 0
    const app = await startHttp((response) => {
      if (++asked === 1) response.end()
    })
    const wait = openWait(openAsk().ask)
    const hanging = { ...httpCheck(app.origin), timeoutMs: 2_000 }
    expect(await bake([hanging], 30_000, wait.deps)).toMatchObject({
      kind: 'sick',
      why: 'was well, and failed 2.0 s into the bake time: it gave no full answer within 2s',
    })
  })

  it('can be stopped', async () => {
    const wait = openWait(up)
    wait.stop.abort('cancelled')
    expect(await bake([often], 60_000, wait.deps)).toEqual({ kind: 'stopped', why: 'cancelled' })
  })

  it('asks nobody when it has no length, and not without a pause', async () => {
    const wait = openWait(down)
    expect(await bake([often], 0, wait.deps)).toEqual({ kind: 'well' })
    await bake([unit('api', { intervalMs: 0 })], 1_000, { ...wait.deps, ask: up })
    expect(wait.pauses).toEqual(Array.from({ length: 10 }, () => 100))
  })
})
