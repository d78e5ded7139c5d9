import { lengthOf } from '../../lib/ago.ts'
import { formatDuration } from '../../lib/duration.ts'
import { longestTimerMs } from '../../lib/pause.ts'
import type { HealthCheck } from '../../model/health-check.ts'
import { watchAll, type Health, type HealthDeps, type SickCheck, type Watched } from './health.ts'
import { checkLabel } from './label.ts'

/**
 * Tries every check, all at the same time, until it has passed once. The first that has used up its tries ends it. The
 * log tells of a check when it fails first, and when it passes.
 */
export function awaitHealth(checks: readonly HealthCheck[], deps: HealthDeps): Promise<Health> {
  return watchAll(checks, deps, untilWell)
}

async function untilWell({ check, name, ask, signal, pause, monotonic, note }: Watched): Promise<SickCheck | null> {
  const label = checkLabel(check)
  const startedAt = monotonic()
  for (let tries = 1; ; tries += 1) {
    const answer = await ask(check, { name, signal })
    if (signal.aborted) return null
    if (answer.kind === 'well') {
      const count = tries === 1 ? '1 try' : `${tries} tries`
      await note(`health: ${label} is well after ${count}, ${lengthOf(monotonic() - startedAt)}`)
      return null
    }
    const { why } = answer
    if (tries === 1) await note(`health: ${label} ${why}${outlook(check)}`)
    if (tries > check.retries) return { kind: 'sick', check: label, why, tries }
    await pause(Math.min(check.intervalMs, longestTimerMs), signal)
  }
}

function outlook({ retries, intervalMs }: HealthCheck): string {
  if (retries === 0) return ''
  return `; trying again every ${formatDuration(intervalMs)}, ${retries === 1 ? 'once' : `at most ${retries} times`}`
}
