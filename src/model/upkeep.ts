/** What can be seen of a mirror without git. */
export type MirrorFacts = {
  /** The apps of the map that fetch into it. */
  readonly apps: ReadonlySet<string>
  /** Apps, in the map or gone from it, whose tree or view uses its objects. */
  readonly borrowers: ReadonlySet<string>
  /** How long ago it was noted that neither has use for it; null: not noted. */
  readonly unusedMs: number | null
  /** How many objects each pack holds. */
  readonly packs: readonly number[]
  readonly looseObjects: number
  /** The refs of ours, in full. */
  readonly refs: readonly string[]
  /** Files that a git which was killed left behind, more than a day ago. */
  readonly leftovers: readonly string[]
  /** Whether the disk can take all packs a second time. */
  readonly hasRoom: boolean
}

export type Chore = 'note_unused' | 'note_used' | 'remove' | 'clear_leftovers' | 'sort_refs' | 'repack'

/** What an idle mirror needs, in this order; mostly nothing. Once done, the same is not needed again. */
export function whatUpkeepNeeds(facts: MirrorFacts): readonly Chore[] {
  const { apps, borrowers, unusedMs, leftovers } = facts
  if (apps.size === 0 && borrowers.size === 0) {
    if (unusedMs === null) return ['note_unused']
    return unusedMs < keepUnusedMs ? [] : ['remove']
  }
  const chores: Chore[] = []
  if (unusedMs !== null) chores.push('note_used')
  if (leftovers.length > 0) chores.push('clear_leftovers')
  if (hasRefsToSort(facts)) chores.push('sort_refs')
  if (isScattered(facts) && facts.hasRoom) chores.push('repack')
  return chores
}

/** A mistaken edit of deploy.yml costs no new clone. */
export const keepUnusedMs = 7 * 86_400_000

/** Each deployed commit leaves a ref in `borrowed/`; those of an app that is gone stay only as long as its tree does. */
function hasRefsToSort({ apps, borrowers, refs }: MirrorFacts): boolean {
  const borrowed = new Map<string, number>()
  for (const ref of refs) {
    const [, kind, app = ''] = /^refs\/deployhook\/(tip|borrowed)\/([^/]+)/.exec(ref) ?? []
    if (kind === 'tip' && !apps.has(app)) return true
    if (kind === 'borrowed') borrowed.set(app, (borrowed.get(app) ?? 0) + 1)
  }
  return [...borrowed].some(([app, count]) => count > manyRefs || !(apps.has(app) || borrowers.has(app)))
}

/** As git's own maintenance judges: https://git-scm.com/docs/git-config#Documentation/git-config.txt-maintenanceloose-objectsauto */
function isScattered({ packs, looseObjects }: MirrorFacts): boolean {
  return looseObjects > 100 || (packs.length > 10 && !isGeometric(packs))
}

/** Each pack holds at least twice as many objects as the next smaller one: then `git repack --geometric=2` leaves them. */
function isGeometric(packs: readonly number[]): boolean {
  const ascending = packs.toSorted((one, other) => one - other)
  return ascending.every((objects, index) => objects >= 2 * (ascending[index - 1] ?? 0))
}

/** More than an app ever needs for long: 20 saved commits, what is live, what a view has of deleted tags. */
const manyRefs = 50
