import { expect, it } from 'vitest'
import { plainTimeout, soakEscape } from './escape.ts'

it('leaves no process of 20 steps that hang, fork, daemonize, ignore SIGTERM or clear their marks', async () => {
  const { steps, left, seen } = await soakEscape(20, { atOnce: 10 })
  expect(left).toEqual({})
  expect(steps).toBe(20)
  expect(seen).toBeGreaterThan(0)
}, 60_000)

it('would find some left by a plain time limit', async () => {
  const { left } = await soakEscape(10, { run: plainTimeout, atOnce: 10 })
  expect(Object.keys(left).length).toBeGreaterThan(3)
}, 60_000)
