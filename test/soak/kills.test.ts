import { expect, it } from 'vitest'
import { soakKills } from './kills.ts'

it('100 times at random moments under load loses no acknowledged push, runs nothing twice and leaves nothing half', async () => {
  const report = await soakKills(100)
  expect(report.problems).toEqual([])
  expect(report.acknowledged).toBeGreaterThan(200)
  expect(report.cycles).toBeGreaterThan(30)
  expect(report.duringStart).toBeGreaterThan(0)
}, 600_000)

it('is a harness that sees it when acknowledged pushes are lost', async () => {
  expect((await soakKills(8, { lose: 'log' })).problems).not.toEqual([])
}, 120_000)
