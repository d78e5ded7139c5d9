import { kindOf, type Deployment } from './deployment.ts'

/**
 * The deployment that failed for want of room and is to be made again, now that there is some; `later`: not yet; null: none is.
 * Nobody pushes again because a disk was full. `past`: those of one app, newest first. What fills the disk itself
 * is tried again at ever longer intervals, for room may come that is enough.
 */
export function toDeployAgain(past: readonly Deployment[], now: Date): Deployment | 'later' | null {
  const settled = past.filter(({ outcome }) => outcome !== 'superseded')
  const [last] = settled
  if (last === undefined || !isForRoom(last)) return null
  const other = settled.findIndex(
    (one) => !isForRoom(one) || one.requestedRevision !== last.requestedRevision || one.ref !== last.ref,
  )
  const times = other === -1 ? settled.length : other
  const sinceMs = now.getTime() - (last.finishedAt?.getTime() ?? 0)
  const isDue = sinceMs < 0 || sinceMs >= waitMs(times)
  return isDue ? last : 'later'
}

/** As many of an app's deployments as there need to be looked at. */
export const pastForAgain = 16

/** A certain version, the way back above all, is left to the person who wanted it: the newest would be made in its place. */
function isForRoom({ outcome, reason, exact, trigger }: Deployment): boolean {
  return outcome === 'failed' && reason === 'disk_full' && !(exact && kindOf(trigger) === 'person')
}

/** At once the first time, then twice as long each time, up to an hour. */
function waitMs(times: number): number {
  return times <= 1 ? 0 : Math.min(1_000 * 2 ** times, 3_600_000)
}
