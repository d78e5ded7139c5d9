import { expect, it } from 'vitest'
import { soakDeliveries } from './deliveries.ts'

it('believes none of 2,000 mutated requests unproven, answers each as it should, and lives', async () => {
  const { answers, problems } = await soakDeliveries(2_000)
  expect(problems).toEqual([])
  expect(Object.values(answers).reduce((sum, count) => sum + count, 0)).toBe(2_000)
  expect(answers[401]).toBeGreaterThan(100)
  expect((answers[200] ?? 0) + (answers[202] ?? 0)).toBeGreaterThan(100)
}, 120_000)

it('is a harness that sees it when a request is believed that nobody proved', async () => {
  const { problems } = await soakDeliveries(500, { believesAll: true })
  expect(problems.join('\n')).toContain('for what nobody proved')
}, 120_000)
