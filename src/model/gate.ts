import type { App } from './deploy-map.ts'
import { kindOf, type Deployment, type WaitingFor } from './deployment.ts'
import type { Revision } from './revision.ts'

/** An app stays at what it has: automatic deployments of it wait. */
export type Hold = {
  readonly app: string
  /** What it is held at, as far as that is known. */
  readonly release: string | null
  readonly revision: Revision | null
  readonly deployment: number | null
  readonly by: string | null
  readonly reason: string | null
  readonly at: Date
  /** What ends it, besides a person's deployment of the newest. */
  readonly until: 'unhold' | 'next_push'
}

/** Nothing is started, of an app or of any, but what is forced. */
export type Freeze = {
  /** The name of an app, or `everyApp`. */
  readonly scope: string
  /** null: until somebody ends it. */
  readonly until: Date | null
  readonly by: string | null
  readonly reason: string | null
  readonly at: Date
}

/** No name of an app, see `config/schema-parts.ts`. */
export const everyApp = '*'

/** A revision that was rolled back: not deployed again but by a person's wish. */
export type Quarantined = {
  readonly app: string
  readonly revision: Revision
  /** The deployment that put it there. */
  readonly deployment: number
  /** Of that deployment: `unhealthy`, …; `rollback`: somebody went back from it. */
  readonly reason: string | null
  readonly at: Date
}

export type Gates = { readonly holds: readonly Hold[]; readonly freezes: readonly Freeze[] }

export const openGates: Gates = { holds: [], freezes: [] }

/** What keeps a queued deployment from being started, whatever else runs. */
export type Gate = Extract<WaitingFor, 'freeze' | 'hold' | 'approval' | 'window'>

export type Gated = Pick<Deployment, 'app' | 'trigger' | 'forced' | 'approvedAt'>

type Rules = Pick<App, 'approve' | 'windows'>

type Situation = { readonly rules: Rules; readonly gates: Gates; readonly at: Date }

/** The first gate that is shut for a queued deployment; null: none is. */
export function gateOf(deployment: Gated, situation: Situation): Gate | null {
  return shutGates(deployment, situation)[0] ?? null
}

/** Every gate that is shut for a queued deployment, in their order. Only a freeze keeps back what a person asks for. */
export function shutGates(deployment: Gated, { rules, gates, at }: Situation): readonly Gate[] {
  const shut: Gate[] = []
  if (!deployment.forced && freezeOf(deployment.app, gates, at) !== null) shut.push('freeze')
  if (kindOf(deployment.trigger) === 'person') return shut
  if (holdOf(deployment.app, gates) !== null) shut.push('hold')
  if (rules.approve && deployment.approvedAt === null) shut.push('approval')
  if (rules.windows.length > 0 && !rules.windows.some((window) => window.isOpenAt(at))) shut.push('window')
  return shut
}

export function holdOf(app: string, { holds }: Gates): Hold | null {
  return holds.find((hold) => hold.app === app) ?? null
}

/** The freeze that is in force for an app; of two, the one that lasts longer. */
export function freezeOf(app: string, { freezes }: Gates, at: Date): Freeze | null {
  const inForce = freezes.filter(
    ({ scope, until }) => (scope === app || scope === everyApp) && endOf({ until }) > at.getTime(),
  )
  return inForce.sort((one, other) => endOf(other) - endOf(one))[0] ?? null
}

function endOf({ until }: Pick<Freeze, 'until'>): number {
  return until?.getTime() ?? Infinity
}

/** When the next of an app's windows opens; null: none will. */
export function nextWindow({ windows }: Pick<App, 'windows'>, at: Date): Date | null {
  return earliest(windows.flatMap((window) => window.nextAfter(at) ?? []))
}

/** When the next of the gates that time alone opens will open for one of these; null: none will. */
export function nextOpening(
  waiting: readonly Gated[],
  { apps, gates, at }: { readonly apps: ReadonlyMap<string, Rules>; readonly gates: Gates; readonly at: Date },
): Date | null {
  const openings = waiting.flatMap((deployment) => {
    const rules = apps.get(deployment.app)
    if (rules === undefined) return []
    const gate = gateOf(deployment, { rules, gates, at })
    if (gate === 'freeze') return freezeOf(deployment.app, gates, at)?.until ?? []
    return gate === 'window' ? (nextWindow(rules, at) ?? []) : []
  })
  return earliest(openings)
}

function earliest(times: readonly Date[]): Date | null {
  return times.length === 0 ? null : new Date(Math.min(...times.map((time) => time.getTime())))
}
