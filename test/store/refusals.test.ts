import { describe, expect, it } from 'vitest'
import type { Refusal } from '../../src/model/delivery.ts'
import { createRefusals } from '../../src/store/refusals.ts'
import { at } from './support.ts'

function refusal(given: Partial<Refusal>): Refusal {
  return {
    at: at(0),
    webhook: 'github',
    remoteAddress: '192.0.2.1',
    providerId: null,
    reason: 'bad_signature',
    ...given,
  }
}

describe('refused requests', () => {
  it('are remembered per webhook, newest first, and counted', () => {
    const refusals = createRefusals()
    refusals.record(refusal({ at: at(1), reason: 'no_signature' }))
    refusals.record(refusal({ at: at(3) }))
    refusals.record(refusal({ at: at(2), webhook: 'gitlab' }))

    expect(refusals.recent('github').map(({ reason }) => reason)).toEqual(['bad_signature', 'no_signature'])
    expect(refusals.recent('gitlab').map(({ at }) => at)).toEqual([at(2)])
    expect([refusals.count('github'), refusals.count('gitlab'), refusals.count('other')]).toEqual([2, 1, 0])
    expect(refusals.recent('other')).toEqual([])
  })

  it('are never more than 100 per webhook, though all are counted', () => {
    const refusals = createRefusals()
    for (let number = 0; number < 1000; number++) refusals.record(refusal({ at: at(number) }))

    expect(refusals.recent('github')).toHaveLength(100)
    expect(refusals.recent('github')[0]?.at).toEqual(at(999))
    expect(refusals.count('github')).toBe(1000)
  })

  it('are the last ones at any time', () => {
    const refusals = createRefusals()
    for (let number = 0; number < 450; number++) {
      refusals.record(refusal({ at: at(number) }))
      const last = Array.from({ length: Math.min(number + 1, 100) }, (_, back) => at(number - back))
      expect(refusals.recent('github').map((one) => one.at)).toEqual(last)
    }
  })

  it.each(['72d3162e-cc78-11e3-81ab-4c9367dc0958', 'A', 'x'.repeat(64)])('show the harmless id %s', (providerId) => {
    const refusals = createRefusals()
    refusals.record(refusal({ providerId }))

    expect(refusals.recent('github')[0]?.providerId).toBe(providerId)
  })

  it.each(['', 'x'.repeat(65), '<script>', 'a b', 'a\n', 'é', '\u001b[31m'])(
    'hide the id %j, which somebody made up',
    (providerId) => {
      const refusals = createRefusals()
      refusals.record(refusal({ providerId }))

      expect(refusals.recent('github')[0]).toMatchObject({ providerId: null, reason: 'bad_signature' })
    },
  )
})
