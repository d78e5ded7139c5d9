import { lengthOf } from '../../lib/ago.ts'
import { formatDuration } from '../../lib/duration.ts'
import { longestTimerMs } from '../../lib/pause.ts'
import type { HealthCheck } from '../../model/health-check.ts'
import { watchAll, type Health, type HealthDeps, type SickCheck, type Watched } from './health.ts'
import { checkLabel } from './label.ts'

/**
 * Goes on looking at checks that have all passed, each at its own interval, for `forMs`; the last look is at the end of
 * that time, never before it. One failure is enough.
 */
export async function bake(checks: readonly HealthCheck[], forMs: number, deps: HealthDeps): Promise<Health> {
  if (checks.length === 0 || forMs === 0) return { kind: 'well' }
  await deps.note(`health: bake time of ${formatDuration(forMs)} begins`)
  const startedAt = deps.monotonic()
  const health = await watchAll(checks, deps, (watched) => whileWell(watched, { startedAt, forMs }))
  if (health.kind === 'well') await deps.note(`health: all is well after the bake time of ${formatDuration(forMs)}`)
  return health
}

async function whileWell(
  { check, name, ask, signal, pause, monotonic }: Watched,
  { startedAt, forMs }: { readonly startedAt: number; readonly forMs: number },
): Promise<SickCheck | null> {
  const intervalMs = Math.min(Math.max(check.intervalMs, shortestIntervalMs), longestTimerMs)
  for (let tries = 1; ; tries += 1) {
    const restMs = Math.max(0, forMs - (monotonic() - startedAt))
    const isLast = restMs <= intervalMs
    await pause(isLast ? restMs : intervalMs, signal)
    const lookedAt = monotonic()
    const answer = await ask(check, { name, signal })
    if (signal.aborted) return null
    if (answer.kind === 'sick') {
      const why = `was well, and failed ${lengthOf(lookedAt - startedAt)} into the bake time: it ${answer.why}`
      return { kind: 'sick', check: checkLabel(check), why, tries }
    }
    if (isLast) return null
  }
}

/** `interval: 0s` shall not ask without a pause for minutes. */
const shortestIntervalMs = 100
