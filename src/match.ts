import { asksToBeSkipped } from './model/already-live.ts'
import type { App, DeployMap } from './model/deploy-map.ts'
import { ignoredReasons, type IgnoredApp, type IgnoredReason, type Wanted } from './model/delivery.ts'
import type { PushEvent } from './model/push-event.ts'
import { branchRef } from './model/ref.ts'
import { deploysRef } from './model/ref-filter.ts'

/** An app that a push is for, with the ref to deploy, or the reason why it is not. */
export type Match =
  | { readonly app: App; readonly ref: string; readonly reason: null }
  | { readonly app: App; readonly ref: string | null; readonly reason: IgnoredReason }

/** What the pushes of one delivery want of the map. */
export type Matched = {
  /** At most one for each app: of several refs that it deploys the last. */
  readonly wanted: readonly Wanted[]
  /** Every other app that was reached, with its nearest miss. */
  readonly ignored: readonly IgnoredApp[]
  /** The push to tell people of: the last that is wanted, else the one that came nearest, else the first. */
  readonly told: PushEvent | null
}

export function matchAll(pushes: readonly PushEvent[], webhook: string, map: DeployMap): Matched {
  const wanted = new Map<string, Wanted>()
  const ignored = new Map<string, IgnoredApp>()
  let nearest: { readonly push: PushEvent; readonly reason: IgnoredReason | null } | null = null
  for (const push of pushes) {
    for (const { app, ref, reason } of matchApps(push, webhook, map)) {
      if (reason === null) wanted.set(app.name, { app: app.name, ref, requestedRevision: push.after })
      else ignored.set(app.name, nearer(ignored.get(app.name), { app: app.name, reason }))
      if (nearest === null || reach(reason) >= reach(nearest.reason)) nearest = { push, reason }
    }
  }
  return {
    wanted: [...wanted.values()],
    ignored: [...ignored.values()].filter(({ app }) => !wanted.has(app)),
    told: nearest?.push ?? pushes[0] ?? null,
  }
}

/** How far a push got; all the way is furthest. */
function reach(reason: IgnoredReason | null): number {
  return reason === null ? ignoredReasons.length : ignoredReasons.indexOf(reason)
}

/** Every app that the push reaches, wanted (`reason: null`) or not; empty when the map knows nothing of it. */
export function matchApps(push: PushEvent, webhook: string, map: DeployMap): readonly Match[] {
  return appsOf(push, map).map((app) => {
    const ref = push.ref ?? (app.branch === null ? null : branchRef(app.branch))
    if (ref === null) return { app, ref, reason: 'branch' }
    return { app, ref, reason: whyNot(app, { ...push, ref }, webhook) }
  })
}

function appsOf({ app: name, names }: PushEvent, { apps, appsByRepository }: DeployMap): readonly App[] {
  if (name === null) {
    const found = new Set(names.flatMap((known) => appsByRepository.get(known) ?? []))
    return found.size < 2 ? [...found] : [...apps.values()].filter((app) => found.has(app)) // in the order of the file
  }
  const named = apps.get(name)
  return named === undefined ? [] : [named]
}

function whyNot(app: App, push: PushEvent & { readonly ref: string }, webhook: string): IgnoredReason | null {
  if (app.webhook !== null && app.webhook !== webhook) return 'webhook'
  if (!deploysRef(app, push.ref)) return push.ref.startsWith('refs/tags/') ? 'tag' : 'branch'
  if (push.deleted) return 'deleted'
  if (asksToBeSkipped(push.headCommit?.message ?? null, app) !== null) return 'skip'
  return null
}

/** The nearest miss among `ignored`, the one to tell; `no_app` when no app was reached at all. */
export function furthest(ignored: readonly IgnoredApp[]): IgnoredReason {
  const reached = ignored.map(({ reason }) => ignoredReasons.indexOf(reason))
  return ignoredReasons[Math.max(...reached, ignoredReasons.indexOf('no_app'))] ?? 'no_app'
}

function nearer(known: IgnoredApp | undefined, found: IgnoredApp): IgnoredApp {
  return known !== undefined && furthest([known, found]) === known.reason ? known : found
}
