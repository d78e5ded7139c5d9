import type { AppView, DeploymentView, FreezeView, HoldView } from './api.ts'
import type { Looks } from './command.ts'
import { shortRevision, when } from './show-deployment.ts'
import { oneLine } from './text.ts'

/** That an app is held: at what, by whom, why, and what ends it. */
export function heldText(app: string, held: HoldView, now: Date): string {
  const { release, revision, until } = held
  const name = oneLine(app)
  const what = release === null ? shortRevision(revision) : oneLine(release)
  const orPush = until === 'next_push' ? ', or the next push' : ''
  return `${name} is held${what === '-' ? '' : ` at ${what}`} (${story(held, now)}). What ends it: deployhook unhold ${name}${orPush}`
}

/** That an app, or all of them, are frozen: until when, by whom, why, and what ends it. */
export function frozenText(frozen: FreezeView, now: Date): string {
  const { scope, until } = frozen
  const isAll = scope === '*'
  const who = isAll ? 'All apps are' : `${oneLine(scope)} is`
  const end = `deployhook unfreeze ${isAll ? '--all' : oneLine(scope)}`
  return `${who} frozen${until === null ? '' : ` until ${oneLine(until)}`} (${story(frozen, now)}). What ends it${until === null ? '' : ' sooner'}: ${end}`
}

/** `3 min ago, by alice: too slow`. */
function story({ at, by, reason }: Pick<HoldView, 'at' | 'by' | 'reason'>, now: Date): string {
  const who = by === null ? '' : `, by ${oneLine(by)}`
  return `${when(at, now)}${who}${reason === null ? '' : `: ${oneLine(reason)}`}`
}

/** What keeps apps back, a line each; a freeze of all of them once. */
export function gateLines(apps: readonly AppView[], { paint, now }: Looks): readonly string[] {
  const freezes = apps.flatMap(({ frozen }) => frozen ?? [])
  const own = freezes.filter(({ scope }) => scope !== '*')
  const lines = [
    ...[...freezes.filter(({ scope }) => scope === '*').slice(0, 1), ...own].map((frozen) => frozenText(frozen, now)),
    ...apps.flatMap(({ name, held }) => (held === null ? [] : [heldText(name, held, now)])),
  ]
  return lines.length === 0 ? [] : ['', ...lines.map(paint.yellow)]
}

/** What ends the waiting of a queued deployment, in a few words; null: only time does. */
export function cureOf({ id, app, waitingFor }: DeploymentView): string | null {
  if (waitingFor === 'hold') return `held: deployhook unhold ${oneLine(app)}`
  if (waitingFor === 'freeze') return 'frozen: deployhook apps says by whom'
  if (waitingFor === 'approval') return `deployhook approve ${id}`
  return waitingFor === 'window' ? 'until a window of deploy.yml opens' : null
}

/** What a queued deployment waits for, with who, why and what ends it; null: nothing that a person has shut. */
export function waitText(deployment: DeploymentView, app: AppView | undefined, now: Date): string | null {
  const { waitingFor } = deployment
  if (waitingFor === 'hold' && app?.held != null) return heldText(app.name, app.held, now)
  if (waitingFor === 'freeze' && app?.frozen != null) return frozenText(app.frozen, now)
  return cureOf(deployment)
}

/** What comes next once an app is kept back no more. */
export function nextText({ name, queued, held, frozen, catchUp }: AppView, now: Date): string {
  if (frozen !== null) return frozenText(frozen, now)
  if (held !== null) return heldText(name, held, now)
  if (queued.length > 0) return `Next: deployment ${queued.join(', ')}`
  if (catchUp.every === null)
    return `Next: what is pushed from now on. What was pushed meanwhile (catch_up is off): deployhook deploy ${oneLine(name)}`
  return 'Next: catch-up asks the repository now, and what was pushed meanwhile is deployed'
}
