import { describe, expect, it } from 'vitest'
import { parseCron, type CronWindow } from '../../src/lib/cron.ts'

function cronOf(pattern: string, timeZone = 'UTC'): CronWindow {
  const window = parseCron(pattern, timeZone)
  if ('problem' in window) throw new Error(window.problem)
  return window
}

const problemOf = (pattern: string, timeZone = 'UTC'): string | null => {
  const window = parseCron(pattern, timeZone)
  return 'problem' in window ? window.problem : null
}

const next = (window: CronWindow, after: string): string | null =>
  window.nextAfter(new Date(after))?.toISOString() ?? null

describe('a cron pattern', () => {
  it('is open for the whole of each minute that it names, and for no other', () => {
    const office = cronOf('* 9-16 * * mon-fri')
    const isOpen = (time: string): boolean => office.isOpenAt(new Date(time))
    // 24 November 2026 is a Tuesday.
    expect(isOpen('2026-11-24T08:59:59.999Z')).toBe(false)
    expect(isOpen('2026-11-24T09:00:00.000Z')).toBe(true)
    expect(isOpen('2026-11-24T16:59:59.999Z')).toBe(true)
    expect(isOpen('2026-11-24T17:00:00.000Z')).toBe(false)
    expect(isOpen('2026-11-28T12:00:00.000Z')).toBe(false)
  })

  it.each([
    ['*/15 * * * *', '2026-11-24T10:01:30Z', '2026-11-24T10:15:00.000Z'],
    ['0 22 * * *', '2026-11-24T22:00:00Z', '2026-11-25T22:00:00.000Z'],
    ['* 9-16 * * mon-fri', '2026-11-27T16:59:00Z', '2026-11-30T09:00:00.000Z'],
    ['0 0 29 2 *', '2026-11-24T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['0 3 * * 7', '2026-11-24T00:00:00Z', '2026-11-29T03:00:00.000Z'],
  ])('%s opens, after %s, at %s', (pattern, after, opens) => {
    expect(next(cronOf(pattern), after)).toBe(opens)
  })

  // cron(8): "restricted" days of the month and of the week are alternatives.
  it('takes either day where both are named', () => {
    const window = cronOf('0 12 1 * fri')
    expect(next(window, '2026-11-24T00:00:00Z')).toBe('2026-11-27T12:00:00.000Z')
    expect(next(window, '2026-11-28T00:00:00Z')).toBe('2026-12-01T12:00:00.000Z')
  })

  it('is read in its time zone, summer and winter', () => {
    const morning = cronOf('0 9 * * *', 'Europe/Berlin')
    expect(next(morning, '2026-07-01T00:00:00Z')).toBe('2026-07-01T07:00:00.000Z')
    expect(next(morning, '2026-12-01T00:00:00Z')).toBe('2026-12-01T08:00:00.000Z')
    expect(morning.isOpenAt(new Date('2026-12-01T07:00:00Z'))).toBe(false)
    expect(morning.isOpenAt(new Date('2026-12-01T08:00:30Z'))).toBe(true)
    expect(next(cronOf('30 9 * * *', 'Asia/Kolkata'), '2026-12-01T00:00:00Z')).toBe('2026-12-01T04:00:00.000Z')
  })

  // Berlin goes from 2:00 to 3:00 on 28 March 2027 and from 3:00 back to 2:00 on 25 October 2026.
  it('opens on the next day when the clock leaps over its minute', () => {
    const night = cronOf('30 2 * * *', 'Europe/Berlin')
    expect(next(night, '2027-03-27T12:00:00Z')).toBe('2027-03-29T00:30:00.000Z')
    expect(night.isOpenAt(new Date('2027-03-28T01:00:00Z'))).toBe(false)
  })

  it('is open in both of the hours when one comes twice', () => {
    const night = cronOf('* 2 * * *', 'Europe/Berlin')
    const isOpen = (time: string): boolean => night.isOpenAt(new Date(time))
    expect([isOpen('2026-10-25T00:30:00Z'), isOpen('2026-10-25T01:30:00Z')]).toEqual([true, true])
    expect([isOpen('2026-10-24T23:59:00Z'), isOpen('2026-10-25T02:00:00Z')]).toEqual([false, false])
  })

  it('may name no minute that there ever is', () => {
    const never = cronOf('0 0 30 2 *')
    expect(next(never, '2026-11-24T00:00:00Z')).toBeNull()
    expect(never.isOpenAt(new Date('2026-11-24T00:00:00Z'))).toBe(false)
  })

  it.each(['', '*', '* * * *', '* * * * * *', '0 0 1 1 * 2027', '@daily'])(
    'is refused without five fields: %s',
    (text) => {
      expect(problemOf(text)).toBe(
        'has not five fields (minute, hour, day of month, month, day of week): * 9-16 * * mon-fri',
      )
    },
  )

  it.each([
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    'a b c d e',
    '5-1 * * * *',
    '*/0 * * * *',
  ])('is refused when it is none: %s', (text) => {
    expect(problemOf(text)).toBe(
      'is not a cron pattern, such as * 9-16 * * mon-fri (any minute from 9:00 to 16:59 on weekdays)',
    )
  })

  it.each(['Berlin', 'Europe/Bärlin', ''])('is refused in a time zone that there is not: %s', (timeZone) => {
    expect(problemOf('* * * * *', timeZone)).toBe(
      'names a time zone that there is not: write it such as Europe/Berlin or UTC',
    )
  })
})
