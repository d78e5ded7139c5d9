import { Cron } from 'croner'

/** Minutes that a cron pattern names, in a time zone. */
export type CronWindow = {
  /** As written: `* 9-16 * * mon-fri`. */
  readonly pattern: string
  readonly timeZone: string
  /** Whether the minute of this time is one of them. */
  isOpenAt(time: Date): boolean
  /** The start of the first of them after this time; null: there is none, as for a 30th of February. */
  nextAfter(time: Date): Date | null
}

/** Reads five fields (minute, hour, day of the month, month, day of the week), or says what is wrong with them. */
export function parseCron(pattern: string, timeZone: string): CronWindow | { readonly problem: string } {
  const fields = pattern.trim().split(/\s+/)
  if (fields.length !== 5)
    return { problem: 'has not five fields (minute, hour, day of month, month, day of week): * 9-16 * * mon-fri' }
  if (!isTimeZone(timeZone))
    return { problem: 'names a time zone that there is not: write it such as Europe/Berlin or UTC' }
  try {
    const cron = new Cron(fields.join(' '), { timezone: timeZone, mode: '5-part' })
    return {
      pattern,
      timeZone,
      isOpenAt: (time) => cron.match(new Date(Math.floor(time.getTime() / 60_000) * 60_000)),
      nextAfter: (time) => nextOf(cron, time),
    }
  } catch {
    return { problem: 'is not a cron pattern, such as * 9-16 * * mon-fri (any minute from 9:00 to 16:59 on weekdays)' }
  }
}

/** For a time that the clock leaps over in spring, croner names the one after the leap, which is no minute of the pattern. */
function nextOf(cron: Cron, time: Date): Date | null {
  let next = cron.nextRun(time)
  while (next !== null && !cron.match(next)) next = cron.nextRun(next)
  return next
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
