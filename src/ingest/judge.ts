import { furthest, matchApps } from '../match.ts'
import type { DeployMap, Webhook } from '../model/deploy-map.ts'
import type { IgnoredApp } from '../model/delivery.ts'
import type { PushEvent } from '../model/push-event.ts'
import type { Wanted } from '../store/store.ts'

/** What the pushes of one delivery want of the map: each app at most once, as wanted or with its nearest miss. */
export function judge(
  pushes: readonly PushEvent[],
  webhook: Webhook,
  map: DeployMap,
): { readonly wanted: readonly Wanted[]; readonly ignored: readonly IgnoredApp[] } {
  const wanted = new Map<string, Wanted>()
  const ignored = new Map<string, IgnoredApp>()
  for (const push of pushes) {
    for (const { app, ref, reason } of matchApps(push, webhook.name, map)) {
      if (reason === null) wanted.set(app.name, { app: app.name, ref, requestedRevision: push.after })
      else ignored.set(app.name, nearer(ignored.get(app.name), { app: app.name, reason }))
    }
  }
  return { wanted: [...wanted.values()], ignored: [...ignored.values()].filter(({ app }) => !wanted.has(app)) }
}

function nearer(known: IgnoredApp | undefined, found: IgnoredApp): IgnoredApp {
  return known !== undefined && furthest([known, found]) === known.reason ? known : found
}
