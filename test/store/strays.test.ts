import { describe, expect, it } from 'vitest'
import type { Stray } from '../../src/model/delivery.ts'
import { createStrays } from '../../src/store/strays.ts'
import { at } from './support.ts'

function stray(given: Partial<Stray>): Stray {
  return { at: at(0), remoteAddress: '192.0.2.1', webhook: 'gihub', reason: 'no_webhook', ...given }
}

describe('requests that reached no webhook', () => {
  it('are remembered newest first', () => {
    const strays = createStrays()
    strays.record(stray({ at: at(1) }))
    strays.record(stray({ at: at(3), reason: 'method' }))
    strays.record(stray({ at: at(2) }))
    expect(strays.recent().map(({ at: time }) => time)).toEqual([at(3), at(2), at(1)])
  })

  it('are never more than 20 of a kind, and a flood of one kind hides no other', () => {
    const strays = createStrays()
    strays.record(stray({ reason: 'encoded' }))
    for (let number = 1; number <= 1000; number++) strays.record(stray({ at: at(number) }))
    expect(strays.recent()).toHaveLength(21)
    expect(strays.recent()[0]?.at).toEqual(at(1000))
    expect(strays.recent().at(-1)?.reason).toBe('encoded')
  })

  it.each(['', 'a b', '../etc', '%0a', '<script>', 'x'.repeat(64), '\u001b[31m', 'é'])(
    'do not show the name %j, which somebody made up',
    (webhook) => {
      const strays = createStrays()
      strays.record(stray({ webhook }))
      expect(strays.recent()[0]?.webhook).toBeNull()
    },
  )
})
