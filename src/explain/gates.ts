import type { Explanation } from '../explain.ts'
import type { App } from '../model/deploy-map.ts'
import type { Deployment } from '../model/deployment.ts'
import {
  everyApp,
  freezeOf,
  gateOf,
  holdOf,
  nextWindow,
  type Freeze,
  type Gate,
  type Gates,
  type Hold,
} from '../model/gate.ts'
import { short, told, type ExplainDeps } from './deps.ts'

type Looking = Pick<ExplainDeps, 'map' | 'clock'> & { readonly gates: Gates }

/** What keeps a queued deployment back: one clause. */
export function gateMeaning(gate: Gate, app: string, { gates, map, clock }: Looking): string {
  const at = clock.now()
  const hold = holdOf(app, gates)
  const freeze = freezeOf(app, gates, at)
  if (gate === 'freeze' && freeze !== null) return frozen(freeze, clock)
  if (gate === 'hold' && hold !== null) return held(hold, clock)
  if (gate === 'approval') return 'somebody has to approve it'
  const next = nextWindow(map().apps.get(app) ?? { windows: [] }, at)
  return `its window has not opened yet${next === null ? '' : `; it opens at ${time(next)}`}`
}

/** The command that lets a queued deployment through; none where only time or another deployment does. */
export async function whatOpens(
  { id, app, state, trigger, forced, approvedAt }: Deployment,
  { store, map, clock }: ExplainDeps,
): Promise<readonly string[]> {
  const rules = map().apps.get(app)
  if (state !== 'queued' || rules === undefined) return []
  const gates = await store.gates()
  const at = clock.now()
  const gate = gateOf({ app, trigger, forced, approvedAt }, { rules, gates, at })
  if (gate === null) return []
  if (gate === 'approval') return [`Approve it: deployhook approve ${id}`]
  if (gate === 'window') return [`Deploy the newest now, outside of the windows: deployhook deploy ${app}`]
  if (gate === 'hold') return [unhold(app)]
  return [unfreeze(freezeOf(app, gates, at)?.scope ?? app)]
}

/** What keeps deployments of an app back, and which of its commits are left out. */
export async function explainGates(app: App, deps: ExplainDeps): Promise<Pick<Explanation, 'facts' | 'next'>> {
  const { store, clock } = deps
  const [gates, quarantine] = await Promise.all([store.gates(), store.quarantined(app.name)])
  const at = clock.now()
  const hold = holdOf(app.name, gates)
  const freeze = freezeOf(app.name, gates, at)
  const newest = quarantine[0]
  return {
    facts: [
      ...(freeze === null ? [] : [`Nothing of it is started: ${frozen(freeze, clock)}.`]),
      ...(hold === null ? [] : [`Pushes to it wait: ${held(hold, clock)}.`]),
      ...(app.approve ? ['Each push to it waits for an approval: deployhook approve ID.'] : []),
      ...windows(app, at),
      ...(newest === undefined
        ? []
        : [
            `In quarantine, and not deployed again by itself: ${quarantine
              .slice(0, mostShown)
              .map(({ revision }) => short(revision))
              .join(', ')} (rolled back, the last by deployment ${newest.deployment}, ${told(newest.at, { clock })}).`,
          ]),
    ],
    next: [...(freeze === null ? [] : [unfreeze(freeze.scope)]), ...(hold === null ? [] : [unhold(app.name)])],
  }
}

/** The same of all apps together. */
export async function explainAllGates({
  store,
  map,
  clock,
}: ExplainDeps): Promise<Pick<Explanation, 'facts' | 'next'>> {
  const gates = await store.gates()
  const at = clock.now()
  const isKnown = ({ scope }: Freeze): boolean => scope === everyApp || map().apps.has(scope)
  const freezes = gates.freezes.filter((one) => isKnown(one) && (one.until === null || one.until > at))
  const holds = gates.holds.filter(({ app }) => map().apps.has(app))
  return {
    facts: [
      ...freezes.map(
        (one) => `Nothing of ${one.scope === everyApp ? 'any app' : one.scope} is started: ${frozen(one, clock)}.`,
      ),
      ...holds.map((one) => `Pushes to ${one.app} wait: ${held(one, clock)}.`),
    ].slice(0, mostShown),
    next: [...freezes.map(({ scope }) => unfreeze(scope)), ...holds.map(({ app }) => unhold(app))].slice(0, mostShown),
  }
}

const mostShown = 5

function frozen({ scope, until, by, reason, at }: Freeze, clock: ExplainDeps['clock']): string {
  const what = scope === everyApp ? 'deployments of every app are frozen' : 'its deployments are frozen'
  return `${what}${until === null ? '' : ` until ${time(until)}`}${who({ by, reason, at }, clock)}`
}

function held({ release, revision, deployment, until, by, reason, at }: Hold, clock: ExplainDeps['clock']): string {
  const what = release ?? (revision === null ? null : short(revision))
  const since = deployment === null ? '' : ` (deployment ${deployment})`
  const end = until === 'next_push' ? ', until the next push' : ''
  return `the app is held${what === null ? '' : ` at ${what}${since}`}${end}${who({ by, reason, at }, clock)}`
}

function who({ by, reason, at }: Pick<Hold, 'by' | 'reason' | 'at'>, clock: ExplainDeps['clock']): string {
  const why = reason === null ? '' : `, because: ${reason}`
  return `, as ${by ?? 'somebody'} asked ${told(at, { clock })}${why}`
}

function unhold(app: string): string {
  return `End the hold of ${app}: deployhook unhold ${app}`
}

function unfreeze(scope: string): string {
  return `End the freeze: deployhook unfreeze ${scope === everyApp ? '--all' : scope}`
}

function windows({ windows: all }: App, at: Date): readonly string[] {
  if (all.length === 0) return []
  const patterns = all.map(({ pattern, timeZone }) => `${pattern} (${timeZone})`).join(', ')
  const next = nextWindow({ windows: all }, at)
  if (all.some((window) => window.isOpenAt(at)))
    return [`Pushes to it start in its windows only: ${patterns}; one is open.`]
  const opens = next === null ? 'none will open' : `the next opens at ${time(next)}`
  return [`Pushes to it start in its windows only: ${patterns}; ${opens}.`]
}

function time(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
