/** One line of what the doctor has to say. */
export type Finding = {
  /** The check that found it: a key of the table in `doctor.ts`. */
  readonly check: string
  readonly level: Level
  /** What it is about: a path, an app, a URL, a unit, a key of deploy.yml. */
  readonly where: string
  /** A sentence without its full stop. */
  readonly what: string
  /** What to do about it; null: nothing, or `what` says it. */
  readonly cure: string | null
}

/** `problem`: something does not work, or is open to others. `warning`: it works, and somebody should look at it. */
export type Level = 'ok' | 'warning' | 'problem'

/** A finding before the table has said whose it is. */
export type Found = Omit<Finding, 'check'>

export function ok(where: string, what: string): Found {
  return { level: 'ok', where, what, cure: null }
}

export function warning(where: string, what: string, cure: string | null = null): Found {
  return { level: 'warning', where, what, cure }
}

export function problem(where: string, what: string, cure: string | null = null): Found {
  return { level: 'problem', where, what, cure }
}
