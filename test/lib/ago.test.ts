import { describe, expect, it } from 'vitest'
import { ago, lengthOf } from '../../src/lib/ago.ts'

const now = new Date('2026-11-24T12:00:00.000Z')

describe('times for people', () => {
  it.each([
    [0, 'just now'],
    [4.9, 'just now'],
    [5, '5 s ago'],
    [59.9, '59 s ago'],
    [60, '1 min ago'],
    [3599, '59 min ago'],
    [3600, '1 h ago'],
    [2 * 86_400 - 1, '47 h ago'],
    [2 * 86_400, '2 days ago'],
    [30 * 86_400, '2026-10-25'],
    [-60, '2026-11-24T12:01:00.000Z'],
  ])('%d seconds before is "%s"', (seconds, text) => {
    expect(ago(new Date(now.getTime() - seconds * 1000), now)).toBe(text)
  })

  it.each([
    [-5, '0.0 s'],
    [449, '0.4 s'],
    [9_999, '9.9 s'],
    [12_900, '12 s'],
    [185_000, '3 min 5 s'],
    [7_499_000, '2 h 4 min'],
  ])('%d ms last "%s"', (ms, text) => {
    expect(lengthOf(ms)).toBe(text)
  })
})
