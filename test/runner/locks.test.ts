import { expect, it } from 'vitest'
import { createLocks } from '../../src/runner/locks.ts'

it('work that can wait is not begun while somebody is at it', async () => {
  const locks = createLocks()
  const first = Promise.withResolvers<string>()
  const running = locks.run('mirror', () => first.promise)
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
  await Promise.all([idle, locks.run('mirror', () => Promise.resolve(told.push('wanted')))])
  expect(told).toEqual(['gave way: interrupted', 'wanted'])
})
