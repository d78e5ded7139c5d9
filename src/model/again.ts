import { kindOf, type Deployment } from './deployment.ts'

/**
 * The deployment that failed for want of room and is to be made again, now that there is some; `later`: not yet; null: none is.
 * Nobody pushes again because a disk was full. `past`: those of one app, newest first. What fills the disk itself
 * is tried again at ever longer intervals, for room may come that is enough; pushes that met a full disk do not count.
 */
export function toDeployAgain(past: readonly Deployment[], now: Date): Deployment | 'later' | null {
  const settled = past.filter(({ outcome }) => outcome !== 'superseded')
  const [last] = settled
  if (last === undefined || !isForRoom(last)) return null
  const other = settled.findIndex(
    (one) => !isForRoom(one) || one.requestedRevision !== last.requestedRevision || one.ref !== last.ref,
  )
  const tries = settled.slice(0, other === -1 ? undefined : other).filter(({ trigger }) => trigger === 'catch-up')
  const sinceMs = now.getTime() - (last.finishedAt?.getTime() ?? 0)
  const isDue = sinceMs < 0 || sinceMs >= waitMs(tries.length)
  return isDue ? last : 'later'
}

/** As many of an app's deployments as there need to be looked at. */
export const pastForAgain = 16

/** A certain version, the way back above all, is left to the person who wanted it: the newest would be made in its place. */
function isForRoom({ outcome, reason, exact, trigger }: Deployment): boolean {
  return outcome === 'failed' && reason === 'disk_full' && !(exact && kindOf(trigger) === 'person')
}

/** At once the first time, then twice as long each time, up to an hour. */
function waitMs(tries: number): number {
  return tries === 0 ? 0 : Math.min(2_000 * 2 ** tries, 3_600_000)
}
