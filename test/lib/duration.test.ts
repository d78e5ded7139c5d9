import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../src/lib/duration.ts'

describe('a duration', () => {
  it.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['250ms', 250],
    ['0s', 0],
    ['90m', 5_400_000],
  ])('reads %s', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs)
  })

  it.each([
    '',
    '30',
    '-1s',
    '+1s',
    '1.5h',
    '5 minutes',
    '5min',
    '30M',
    '30 m',
    ' 30m',
    '30m ',
    '30m1h',
    '1m1m',
    'm',
    '1e3s',
    '٣s',
    '30m\n',
    '99999999999999999999d',
  ])('refuses %j, which has no unit, or another order, or anything else', (text) => {
    expect(parseDuration(text)).toBeNull()
  })

  it('is written so that it reads back as the same length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 * 86_400_000 }), (durationMs) => {
        expect(parseDuration(formatDuration(durationMs))).toBe(durationMs)
      }),
    )
  })

  it.each([
    [0, '0s'],
    [-5, '0s'],
    [999.9, '999ms'],
    [5_400_000, '1h30m'],
    [86_400_000, '1d'],
  ])('writes %d ms as %s', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text)
  })
})
