import type { Revision } from './revision.ts'

/** The directory made from a revision, as it is known on disk. */
export type Release = {
  /** `20261124-163000-1a2b3c4d5e6f`: when it was made, and of what. */
  readonly name: string
  readonly revision: Revision
  /** In full. */
  readonly ref: string
  /** The deployment that made it. */
  readonly deployment: number
  /** Of the app's entry that made it. */
  readonly fingerprint: string
  readonly madeAt: Date
  /** Built as a whole: it may be switched to. */
  readonly isComplete: boolean
  /** It has been live, and its health checks passed. */
  readonly isProven: boolean
  /** `current` leads to it. */
  readonly isLive: boolean
}

/**
 * Which releases are not needed any more: all that no deployment completed, and of the others all but the `keep` newest, those first that were well, besides
 * what is live and what it would go back to, the newest other that was well. `needed`: names that stay in any case.
 */
export function releasesToPrune(
  releases: readonly Release[],
  { keep, needed }: { readonly keep: number; readonly needed: ReadonlySet<string> },
): readonly Release[] {
  const well = releases.filter(({ isLive, isComplete, isProven }) => !isLive && isComplete && isProven)
  const earlier = well.toSorted(newestFirst)[0]
  const spare = releases.filter((release) => !release.isLive && release !== earlier && !needed.has(release.name))
  const [complete, incomplete] = [spare.filter(isComplete), spare.filter((release) => !isComplete(release))]
  return [...complete.toSorted(wellFirst).slice(keep), ...incomplete]
}

/** What was never well is no use to go back to. */
function wellFirst(one: Release, other: Release): number {
  return Number(other.isProven) - Number(one.isProven) || newestFirst(one, other)
}

export function newestFirst(one: Release, other: Release): number {
  return other.deployment - one.deployment || other.madeAt.getTime() - one.madeAt.getTime()
}

function isComplete({ isComplete: is }: Release): boolean {
  return is
}

/** `20261124-163000-1a2b3c4d5e6f`, in UTC. */
export function releaseName(madeAt: Date, revision: Revision): string {
  const [date = '', time = ''] = madeAt.toISOString().split(/[T.]/)
  return `${date.replaceAll('-', '')}-${time.replaceAll(':', '')}-${revision.slice(0, 12)}`
}
