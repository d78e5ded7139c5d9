import type { App } from './deploy-map.ts'
import { kindOf, type Deployment } from './deployment.ts'
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
  readonly app: Pick<App, 'fingerprint' | 'branch' | 'branches' | 'tags'>
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
