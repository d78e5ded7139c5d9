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
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.test(text) ? new Date(text) : null
}

function wrong(problem: string): HttpError {
  return new HttpError('bad_request', { as: 'invalid_request', message: `until: ${problem}` })
}
