import { formatDuration } from '../lib/duration.ts'
import type { App } from '../model/deploy-map.ts'
import { told, type ExplainDeps } from './deps.ts'

const unnoticed =
  'a push whose webhook never arrives here is not noticed: it waits for the next push, or for deployhook deploy APP'

/** What finds a push of this app that no delivery tells of, and whether it works. */
export function explainCatchUp(app: App, deps: ExplainDeps): readonly string[] {
  const { everyMs, answeredAt, failing } = deps.catchUp(app)
  if (everyMs === 0) return [`Catch-up is off for it, so ${unnoticed.replace('APP', app.name)}.`]
  const every = `Catch-up asks the repository every ${formatDuration(everyMs)} for what no delivery told`
  if (failing === null) {
    return [
      answeredAt === null ? `${every}; it has not answered yet.` : `${every}; it answered ${told(answeredAt, deps)}.`,
    ]
  }
  const times = failing.times === 1 ? 'once' : `${failing.times} times`
  return [
    `Catch-up has asked in vain ${times}, since ${told(failing.since, deps)}, and goes on asking. Until it is answered, ${unnoticed.replace('APP', app.name)}.`,
    failing.message,
  ]
}

/** The same of all apps together. */
export function explainAllCatchUp(deps: ExplainDeps): readonly string[] {
  const apps = [...deps.map().apps.values()]
  if (apps.length === 0) return []
  const off = apps.filter((app) => deps.catchUp(app).everyMs === 0)
  if (off.length === apps.length) return [`Catch-up is off: ${unnoticed}.`]
  const failing = apps.filter((app) => deps.catchUp(app).failing !== null)
  return [
    'A push whose webhook never arrives here is found by catch-up, which asks the repositories at intervals.',
    ...(off.length === 0 ? [] : [`It is off for ${namesOf(off)}.`]),
    ...(failing.length === 0
      ? []
      : [`It gets no answer for ${namesOf(failing)}. Why: deployhook explain app ${failing[0]?.name ?? ''}`]),
  ]
}

function namesOf(apps: readonly App[]): string {
  const shown = apps.slice(0, mostNames).map(({ name }) => name)
  return apps.length > mostNames ? `${shown.join(', ')} and ${apps.length - mostNames} more` : shown.join(', ')
}

const mostNames = 10
