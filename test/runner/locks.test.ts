import { expect, it } from 'vitest'
import { createLocks } from '../../src/runner/locks.ts'

/** Of a caller that waits as long as it takes. */
const patient = { signal: new AbortController().signal }

it('work that can wait is not begun while somebody is at it', async () => {
  const locks = createLocks()
  const first = Promise.withResolvers<string>()
  const running = locks.run('mirror', () => first.promise, patient)
  expect(await locks.runIdly('mirror', () => Promise.resolve('idle'))).toBeNull()
  expect(await locks.runIdly('another', () => Promise.resolve('idle'))).toBe('idle')
  first.resolve('done')
  expect(await running).toBe('done')
  expect(await locks.runIdly('mirror', () => Promise.resolve('idle'))).toBe('idle')
})

it('work that can wait gives way to whoever comes, who waits until it has ended', async () => {
  const locks = createLocks()
  const told: string[] = []
  const begun = Promise.withResolvers<undefined>()
  const idle = locks.runIdly('mirror', async (signal) => {
    begun.resolve(undefined)
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve)
    })
    told.push(`gave way: ${String(signal.reason)}`)
  })
  await begun.promise
  await Promise.all([idle, locks.run('mirror', () => Promise.resolve(told.push('wanted')), patient)])
  expect(told).toEqual(['gave way: interrupted', 'wanted'])
})

it('who gives up waiting goes at once; those behind come in order, and never two at a time', async () => {
  const locks = createLocks()
  const told: string[] = []
  const holding = Promise.withResolvers<undefined>()
  const holder = locks.run('mirror', () => holding.promise.finally(() => told.push('holder ended')), patient)
  const impatient = new AbortController()
  const given = locks.run('mirror', () => Promise.resolve(told.push('gave up, and ran')), impatient)
  const behind = ['second', 'third'].map((name) => locks.run('mirror', () => Promise.resolve(told.push(name)), patient))
  impatient.abort('timed_out')
  await expect(given).rejects.toThrow('gave up waiting for mirror')
  // The one that holds it holds it still, also for who comes now.
  const late = locks.run('mirror', () => Promise.resolve(told.push('late')), patient)
  expect(await locks.runIdly('mirror', () => Promise.resolve('idle'))).toBeNull()
  expect(told).toEqual([])

  holding.resolve(undefined)
  await Promise.all([holder, ...behind, late])
  expect(told).toEqual(['holder ended', 'second', 'third', 'late'])
  expect(await locks.runIdly('mirror', () => Promise.resolve('idle'))).toBe('idle')
})

it('the last in the queue that gives up leaves the lock to its holder, then to nobody', async () => {
  const locks = createLocks()
  const holding = Promise.withResolvers<string>()
  const holder = locks.run('mirror', () => holding.promise, patient)
  const impatient = new AbortController()
  const given = locks.run('mirror', () => Promise.reject(new Error('it ran')), impatient)
  impatient.abort('cancelled')
  await expect(given).rejects.toThrow('gave up waiting for mirror')
  expect(await locks.runIdly('mirror', () => Promise.resolve('idle'))).toBeNull()
  holding.resolve('held')
  expect(await holder).toBe('held')
  expect(await locks.run('mirror', () => Promise.resolve('free'), patient)).toBe('free')
  expect(await locks.runIdly('mirror', () => Promise.resolve('idle'))).toBe('idle')
})

it('who has given up before it came does not disturb work that can wait', async () => {
  const locks = createLocks()
  const working = Promise.withResolvers<undefined>()
  const idle = locks.runIdly('mirror', async (signal) => {
    await working.promise
    return signal.aborted
  })
  const gone = { signal: AbortSignal.abort('cancelled') }
  await expect(locks.run('mirror', () => Promise.resolve('ran'), gone)).rejects.toThrow('gave up waiting for mirror')
  working.resolve(undefined)
  expect(await idle).toBe(false)
})

it('work that has begun is its own to end', async () => {
  const locks = createLocks()
  const begun = Promise.withResolvers<undefined>()
  const working = Promise.withResolvers<string>()
  const controller = new AbortController()
  const running = locks.run('mirror', () => (begun.resolve(undefined), working.promise), controller)
  await begun.promise
  controller.abort('cancelled')
  expect(await locks.runIdly('mirror', () => Promise.resolve('idle'))).toBeNull()
  working.resolve('to its end')
  expect(await running).toBe('to its end')
})
