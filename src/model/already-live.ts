import type { App } from './deploy-map.ts'
import { kindOf, type Deployment } from './deployment.ts'
import type { Quarantined } from './gate.ts'
import { refToDeploy } from './ref-filter.ts'
import type { Revision } from './revision.ts'

/** What is live of an app, as far as these decisions look at it; see `Live` of the store. */
export type KnownLive = {
  readonly revision: Revision | null
  readonly ref: string | null
  readonly deployment: number | null
  readonly fingerprint: string | null
}

/** A reason to leave a deployment at that, once its commit is known. */
export type Skip = { readonly reason: string; readonly message: string }

export type SkipCase = {
  readonly deployment: Pick<Deployment, 'trigger' | 'ref'>
  readonly live: KnownLive
  readonly app: Pick<App, 'fingerprint' | 'branch' | 'branches' | 'tags' | 'paths' | 'skip'>
}

/**
 * An automatic deployment of what the tree is known to hold already changes nothing; a person's always runs. The same
 * commit by another ref (a tag on what a release candidate was) is another deployment: steps see the ref.
 */
export function alreadyLive(tip: Revision, { deployment, live, app }: SkipCase): Skip | null {
  if (kindOf(deployment.trigger) === 'person' || app.fingerprint !== live.fingerprint) return null
  if (tip !== live.revision || refToDeploy(app, deployment.ref) !== live.ref) return null
  return { reason: 'already_live', message: `${tip.slice(0, 8)} is live since deployment ${live.deployment ?? 0}` }
}

export type QuarantineCase = {
  readonly deployment: Pick<Deployment, 'app' | 'trigger' | 'exact' | 'forced'>
  /** Of the app. */
  readonly quarantine: readonly Quarantined[]
}

/** What was rolled back is left at that, unless a person means just that. */
export function inQuarantine(tip: Revision, { deployment, quarantine }: QuarantineCase): Skip | null {
  const { app, trigger, exact, forced } = deployment
  const found = quarantine.find(({ revision }) => revision === tip)
  if (found === undefined || forced || trigger === 'retry' || trigger === 'rollback') return null
  const why = found.reason === 'rollback' ? 'somebody went back from it by' : 'it was rolled back by'
  const command = `deployhook deploy ${app}${exact ? ` --revision ${tip}` : ''} --force`
  const message = `${tip.slice(0, 8)} is in quarantine: ${why} deployment ${found.deployment}; push a newer commit, or deploy it all the same: ${command}`
  return { reason: 'quarantined', message }
}

/** Of what a delivery told, the message was judged when it came; of what catch-up found, nobody has read it yet. */
export function isToldByMessage({ deployment, app }: SkipCase): boolean {
  return deployment.trigger === 'catch-up' && app.skip.length > 0
}

/** The newest commit asks in its message not to be deployed. A message that is not known (null) asks for nothing. */
export function asksToBeSkipped(message: string | null, { skip }: Pick<App, 'skip'>): Skip | null {
  const lower = message?.toLowerCase() ?? ''
  const isAsked = skip.some((text) => lower.includes(text))
  return isAsked ? { reason: 'skip', message: 'its newest commit asks in its message not to be deployed' } : null
}

/**
 * The revision from which changed files are to be counted: what the tree is known to hold. null when they decide
 * nothing: a person asked, the app has no `paths`, or it is not known what is live; unknown means deploy.
 */
export function countedFrom({ deployment, live, app }: SkipCase): Revision | null {
  const isAutomatic = kindOf(deployment.trigger) === 'automatic'
  return isAutomatic && app.paths !== null && app.fingerprint === live.fingerprint ? live.revision : null
}

/** Nothing that the app is made of has changed since what is live. `changed`: null when that cannot be told. */
export function nothingChanged(changed: readonly string[] | null, { live, app }: SkipCase): Skip | null {
  const { paths } = app
  if (paths === null || live.revision === null || changed === null || changed.some((file) => paths.wants(file)))
    return null
  const files = changed.length === 1 ? '1 file has' : `${changed.length} files have`
  const since = `${live.revision.slice(0, 8)} is live since deployment ${live.deployment ?? 0}`
  return { reason: 'paths', message: `${files} changed, none below paths; ${since}` }
}
