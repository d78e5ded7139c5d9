import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { parseCron } from '../../src/lib/cron.ts'
import { everyApp, openGates, type Gates } from '../../src/model/gate.ts'
import type { Queued } from '../../src/store/store.ts'
import { createAlarm } from '../../src/worker/alarm.ts'
import { createApp, createMap } from '../support/map.ts'

const start = new Date('2026-11-24T08:59:59.980Z')

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('wakes when a freeze ends by itself', async () => {
  const { alarm, wake } = setUp({ freezes: [freezeUntil(new Date(start.getTime() + 20))] })
  await alarm.set()
  vi.advanceTimersByTime(19)
  expect(wake).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(wake).toHaveBeenCalledOnce()
})

it('wakes when a window opens', async () => {
  const window = parseCron('* 9-16 * * *', 'UTC')
  if ('problem' in window) throw new Error(window.problem)
  const { alarm, wake } = setUp({ windows: [window] })
  await alarm.set()
  vi.advanceTimersByTime(20)
  expect(wake).toHaveBeenCalledOnce()
})

it('wakes within a minute however far off that is, for the clock may be set', async () => {
  const { alarm, wake } = setUp({ freezes: [freezeUntil(new Date(start.getTime() + 3_600_000))] })
  await alarm.set()
  vi.advanceTimersByTime(60_000)
  expect(wake).toHaveBeenCalledOnce()
})

it.each([
  ['nothing waits for a time', { freezes: [freezeUntil(null)] }],
  ['nothing waits', { freezes: [freezeUntil(new Date(start.getTime() + 1))], queue: [] }],
])('is not set when %s', async (_when, given: Given) => {
  const { alarm } = setUp(given)
  await alarm.set()
  expect(vi.getTimerCount()).toBe(0)
})

it('is forgotten when the worker ends, or when there is another time', async () => {
  const ending = new AbortController()
  const { alarm } = setUp({ freezes: [freezeUntil(new Date(start.getTime() + 9_000))], signal: ending.signal })
  await alarm.set()
  await alarm.set()
  expect(vi.getTimerCount()).toBe(1)
  ending.abort()
  expect(vi.getTimerCount()).toBe(0)
})

type Given = {
  readonly freezes?: Gates['freezes']
  readonly windows?: ReturnType<typeof createApp>['windows']
  readonly queue?: readonly Queued[]
  readonly signal?: AbortSignal
}

const pushed: Queued = {
  ...{ id: 1, app: 'blog', state: 'queued', trigger: 'push', forced: false, approvedAt: null },
  ...{ concurrencyGroup: null, realPath: null },
}

function setUp(given: Given) {
  const { freezes = [], windows = [], queue = [pushed], signal = new AbortController().signal } = given
  const wake = vi.fn()
  const alarm = createAlarm({
    store: { queue: () => Promise.resolve(queue), gates: () => Promise.resolve({ ...openGates, freezes }) },
    map: () => createMap([createApp('blog', { windows })]),
    clock: { now: () => start },
    wake,
    signal,
    longestMs: 60_000,
  })
  return { alarm, wake }
}

function freezeUntil(until: Date | null): Gates['freezes'][number] {
  return { scope: everyApp, until, by: null, reason: null, at: start }
}
