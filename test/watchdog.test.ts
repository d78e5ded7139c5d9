import { expect, it, onTestFinished } from 'vitest'
import { startWatchdog } from '../src/watchdog.ts'
import { StoreError } from '../src/store/index.ts'
import { until } from './support/until.ts'

type Parts = { readonly ping?: () => Promise<void>; readonly look?: () => Promise<void> }

/** A watchdog that looks every millisecond, and what it told. */
function watch({ ping = () => Promise.resolve(), look = () => Promise.resolve() }: Parts) {
  const told = { alive: 0, lines: [] as string[] }
  const remember = (_: object, message: string): void => void told.lines.push(message)
  const watchdog = startWatchdog({
    lookAtFile: () => Promise.resolve(),
    store: { ping },
    worker: { look },
    notifier: {
      alive() {
        told.alive++
        return Promise.resolve()
      },
    },
    log: { warn: remember, error: remember },
    everyMs: 1,
  })
  onTestFinished(watchdog.stop)
  return { watchdog, told }
}

it('tells systemd again and again while the store and the worker get on', async () => {
  const { watchdog, told } = watch({})
  await until('three signs of life', () => told.alive >= 3)
  expect(watchdog.isStuck()).toBe(false)
  expect(told.lines).toEqual([])
})

it.each<[string, Parts]>([
  ['the database does not answer', { ping: () => new Promise(() => undefined) }],
  ['the worker does not come round', { look: () => new Promise(() => undefined) }],
])('tells systemd nothing while %s', async (_, parts) => {
  const { watchdog, told } = watch(parts)
  await until('it to be stuck', watchdog.isStuck)
  expect(told.alive).toBe(0)
  expect(told.lines).toEqual([expect.stringContaining('no progress')])
})

it('is content again when what was stuck goes on', async () => {
  const gate = Promise.withResolvers<undefined>()
  const { watchdog, told } = watch({ look: () => gate.promise })
  await until('it to be stuck', watchdog.isStuck)
  gate.resolve(undefined)
  await until('a sign of life', () => told.alive > 0)
  expect(watchdog.isStuck()).toBe(false)
})

it('lets a daemon live whose disk is full, and says once that it is and once that it is not any more', async () => {
  let isFull = true
  const { told } = watch({
    ping: () => (isFull ? Promise.reject(new StoreError('unavailable', 'the disk is full')) : Promise.resolve()),
  })
  await until('three signs of life', () => told.alive >= 3)
  expect(told.lines).toEqual(['the store cannot be written to'])
  isFull = false
  await until('the good news', () => told.lines.length === 2)
  expect(told.lines[1]).toBe('the store can be written to again')
})
