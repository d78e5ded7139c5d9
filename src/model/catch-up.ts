import type { KnownLive } from './already-live.ts'
import type { App } from './deploy-map.ts'
import type { Deployment } from './deployment.ts'
import { freezeOf, holdOf, type Gates, type Quarantined } from './gate.ts'
import { branchRef, tagOf } from './ref.ts'
import { deploysRef } from './ref-filter.ts'
import type { Revision } from './revision.ts'

/** The commit that each ref of a remote leads to. */
export type Tips = ReadonlyMap<string, Revision>

/** What catch-up knew of an app's refs when it last looked, and the newest deployment there was then (0: none). */
export type SeenRefs = { readonly tips: Tips; readonly newest: number }

/** A ref of a remote that may be ahead of what is deployed. */
export type Candidate = { readonly ref: string; readonly tip: Revision }

type Filter = Pick<App, 'branch' | 'branches' | 'tags'>

/** What the name of `SeenRefs` depends on: seen through other globs, or of another repository, it says nothing. */
export function filterOf({ repo, branches, tags }: Pick<App, 'repo' | 'branches' | 'tags'>): string {
  const texts = (globs: Filter['tags']): readonly string[] => globs.map(({ text }) => text)
  return JSON.stringify([repo.identity, texts(branches), texts(tags)])
}

/** Of an app that is held or frozen, nothing new is asked for until it is not any more. */
export function isLeftAlone(app: string, { gates, at }: { readonly gates: Gates; readonly at: Date }): boolean {
  return holdOf(app, gates) !== null || freezeOf(app, gates, at) !== null
}

/**
 * The refs that catch-up may deploy, the best first; at most one of them is to be.
 *
 * An app with one branch follows that. One with globs follows the ref of its newest deployment, and takes up a ref that
 * is new or has moved since catch-up last looked; at first sight there is none, so that no old tag or branch is ever
 * deployed for the mere reason that it is there. When something else was deployed since, nobody can tell any more which
 * push came last: then only a higher tag goes on.
 */
export function whatCatchUpWants(
  app: Filter,
  {
    tips,
    seen,
    newest,
  }: {
    readonly tips: Tips
    readonly seen: SeenRefs | null
    readonly newest: Pick<Deployment, 'id' | 'ref'> | null
  },
): readonly Candidate[] {
  const candidate = (ref: string): readonly Candidate[] => {
    const tip = tips.get(ref)
    return tip === undefined || !deploysRef(app, ref) ? [] : [{ ref, tip }]
  }
  if (app.branch !== null) return candidate(branchRef(app.branch))

  const followed = newest === null ? [] : candidate(newest.ref)
  if (seen === null) return followed
  const moved = [...tips.keys()].filter((ref) => ref !== newest?.ref && tips.get(ref) !== seen.tips.get(ref))
  const isQuiet = newest === null || newest.id <= seen.newest
  const usable = isQuiet ? moved : moved.filter((ref) => isHigherTag(ref, newest.ref))
  return [...followed, ...usable.sort(highestFirst).flatMap(candidate)]
}

/** How a candidate is judged. Only what is `behind` is to be deployed. */
export type Judgement = 'behind' | 'live' | 'in_hand' | 'failed' | 'skipped' | 'quarantined'

/**
 * `past`: the deployments of this app that were asked for the candidate's commit or deployed it, newest first.
 *
 * A commit that failed or was rolled back is left to the next push, a retry or a person; one that was skipped, for as
 * long as what it was compared with is live.
 */
export function judge(
  { ref, tip }: Candidate,
  {
    app,
    live,
    past,
    quarantine,
  }: {
    readonly app: Pick<App, 'branch'>
    readonly live: KnownLive
    readonly past: readonly Deployment[]
    readonly quarantine: readonly Quarantined[]
  },
): Judgement {
  const isSame = (other: string | null): boolean => app.branch !== null || other === ref
  if (isLive({ ref, tip }, { app, live })) return 'live'
  if (quarantine.some(({ revision }) => revision === tip)) return 'quarantined'
  const last = past.find(({ outcome }) => outcome !== 'superseded')
  if (last === undefined || last.outcome === 'succeeded') return 'behind'
  if (last.state !== 'done') return 'in_hand'
  if (last.outcome !== 'skipped') return wasNeverReached(last, past) ? 'behind' : 'failed'
  const isStillTrue = verdicts.has(last.reason ?? '') && isSame(last.ref) && last.id > (live.deployment ?? 0)
  return isStillTrue ? 'skipped' : 'behind'
}

/** What nearly every question finds. */
export function isLive(
  { ref, tip }: Candidate,
  { app, live }: { readonly app: Pick<App, 'branch'>; readonly live: KnownLive },
): boolean {
  return tip === live.revision && live.fingerprint !== null && (app.branch !== null || live.ref === ref)
}

/** Reasons to skip that are about the commit itself, or how it differs from what is live. */
const verdicts: ReadonlySet<string> = new Set(['paths', 'skip', 'quarantined'])

/** The remote could not be reached for it: nothing is known against the commit. A few times, then it counts. */
function wasNeverReached(last: Deployment, past: readonly Deployment[]): boolean {
  return isUnreached(last) && past.filter(isUnreached).length < maxUnreached
}

function isUnreached({ outcome, revision, reason }: Deployment): boolean {
  return outcome === 'failed' && revision === null && (reason === 'network' || reason === 'too_slow')
}

const maxUnreached = 3

function isHigherTag(ref: string, than: string): boolean {
  return tagOf(ref) !== null && tagOf(than) !== null && inOrder.compare(ref, than) > 0
}

/** Tags before branches, v10 before v9. */
function highestFirst(one: string, other: string): number {
  const byKind = Number(tagOf(other) !== null) - Number(tagOf(one) !== null)
  return byKind !== 0 ? byKind : inOrder.compare(other, one)
}

const inOrder = new Intl.Collator('en', { numeric: true })
