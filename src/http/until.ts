import { parseDuration } from '../lib/duration.ts'
import { HttpError } from './http-error.ts'

/** The time that `until` names: itself (ISO 8601 with its zone), or so long after now. Anything else is a 400. */
export function parseUntil(text: string, now: Date): Date {
  const durationMs = parseDuration(text)
  const at = durationMs === null ? timeIn(text) : new Date(now.getTime() + durationMs)
  if (at === null || Number.isNaN(at.getTime())) throw wrong(`must be ${forms}`)
  if (at <= now) throw wrong('lies in the past, or is now')
  return at
}

const forms = 'a time such as 2026-12-01T08:00:00Z or 2026-12-01T08:00+01:00, or a duration such as 2h or 1d12h'

/** Without a zone it would mean one thing here and another where it was typed. */
function timeIn(text: string): Date | null {
  const day = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.exec(text)?.[1]
  return day !== undefined && isDay(day) ? new Date(text) : null
}

/** `new Date` takes 30 February for 2 March. */
function isDay(text: string): boolean {
  const midnight = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(text)
}

function wrong(problem: string): HttpError {
  return new HttpError('bad_request', { as: 'invalid_request', message: `until: ${problem}` })
}
