import type { App, DeployMap } from './model/deploy-map.ts'
import { ignoredReasons, type IgnoredApp, type IgnoredReason } from './model/delivery.ts'
import type { PushEvent } from './model/push-event.ts'
import { branchRef } from './model/ref.ts'

/** An app that a push is for, or the reason why it is not. */
export type Match = { readonly app: App; readonly reason: IgnoredReason | null }

/** Every app of the pushed repository, wanted (`reason: null`) or not; empty when the map does not know the repository. */
export function matchApps(push: PushEvent, webhook: string, map: DeployMap): readonly Match[] {
  const names = new Set(push.names)
  return [...map.apps.values()]
    .filter((app) => names.has(app.repo.identity) || app.aliases.some((alias) => names.has(alias)))
    .map((app) => ({ app, reason: whyNot(app, push, webhook) }))
}

function whyNot(app: App, push: PushEvent, webhook: string): IgnoredReason | null {
  if (app.webhook !== null && app.webhook !== webhook) return 'webhook'
  if (push.ref.startsWith('refs/tags/')) return 'tag'
  if (push.ref !== branchRef(app.branch)) return 'branch'
  if (push.after === null) return 'deleted'
  return null
}

/** The nearest miss among `ignored`, the one to tell; `no_app` when no app was reached at all. */
export function furthest(ignored: readonly IgnoredApp[]): IgnoredReason {
  const reached = ignored.map(({ reason }) => ignoredReasons.indexOf(reason))
  return ignoredReasons[Math.max(...reached, ignoredReasons.indexOf('no_app'))] ?? 'no_app'
}
