import { isWithin } from '../lib/path-within.ts'
import type { App } from './deploy-map.ts'
import { gateOf, type Gate, type Gated, type Gates } from './gate.ts'
import { kindOf, type Kind, type Trigger, type WaitingFor } from './deployment.ts'

/** A queued deployment as the rules see it. */
export type Waiting = { readonly id: number; readonly trigger: Trigger; readonly place: number }

/**
 * What a new deployment of an app does to the queued ones of the same app: which it supersedes, and its place in the
 * order, inherited from the foremost of them so that a busy app does not starve (null: at the end).
 * An automatic one gives way only to a newer automatic one; a person's clears the app's queue.
 */
export function supersede(
  trigger: Trigger,
  queued: readonly Waiting[],
): { readonly superseded: readonly Waiting[]; readonly place: number | null } {
  const superseded = queued.filter((other) => supersedes(kindOf(trigger), kindOf(other.trigger)))
  return { superseded, place: superseded.length > 0 ? Math.min(...superseded.map(({ place }) => place)) : null }
}

function supersedes(newer: Kind, older: Kind): boolean {
  return newer === 'person' || older === 'automatic'
}

/** What becomes of a deployment whose run ended without a result. */
export type Recovery =
  | { readonly kind: 'requeue' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'superseded'; readonly by: number }
  | { readonly kind: 'interrupted'; readonly reason: 'on_interrupt' | 'app_removed' }
  | { readonly kind: 'poison' }

/**
 * Settles a `running` row that nobody runs any more. `deaths` counts the daemon's deaths during it, this one included
 * (a shutdown is none); at `maxAttempts` deaths it is taken to be the cause.
 */
export function recover(interrupted: {
  readonly trigger: Trigger
  /** A person had asked for its end. */
  readonly cancelRequested: boolean
  /** What it made is live by now, so that its end is a way back. */
  readonly hasSwitched: boolean
  readonly deaths: number
  readonly maxAttempts: number
  readonly onInterrupt: 'requeue' | 'stop' | 'gone'
  readonly queued: readonly Waiting[]
}): Recovery {
  const { trigger, cancelRequested, hasSwitched, deaths, maxAttempts, onInterrupt, queued } = interrupted
  if (cancelRequested) {
    const mayGoBack = hasSwitched && onInterrupt !== 'gone' && deaths < maxAttempts
    return { kind: mayGoBack ? 'requeue' : 'cancelled' }
  }
  if (onInterrupt === 'gone') return { kind: 'interrupted', reason: 'app_removed' }
  if (onInterrupt === 'stop') return { kind: 'interrupted', reason: 'on_interrupt' }
  if (deaths >= maxAttempts) return { kind: 'poison' }
  const newer = queued.find((other) => supersedes(kindOf(other.trigger), kindOf(trigger)))
  return newer === undefined ? { kind: 'requeue' } : { kind: 'superseded', by: newer.id }
}

/** What a running deployment holds against all others. */
export type Holding = { readonly app: string; readonly concurrencyGroup: string; readonly realPath: string }

/** Two of one app or group never run at once, nor two of which one writes into the directory of the other. */
export function excludes(one: Holding, other: Holding): boolean {
  return (
    one.app === other.app ||
    one.concurrencyGroup === other.concurrencyGroup ||
    isWithin(one.realPath, other.realPath) ||
    isWithin(other.realPath, one.realPath)
  )
}

/** What the queue holds, in its order, running ones first. */
export type Standing = Holding & {
  readonly id: number
  readonly state: 'queued' | 'running'
  /** What keeps a queued one from being started, whatever else runs. */
  readonly gate: Gate | null
}

/**
 * The queue as it stands: a running one holds what it was claimed with, a queued one would hold what the map says now.
 * One whose app has left the map is left out: it is never started, and in nobody's way.
 */
export function standings(
  queue: readonly InQueue[],
  {
    apps,
    realPath,
    gates,
    at,
  }: {
    readonly apps: ReadonlyMap<string, App>
    readonly realPath: (path: string) => string
    readonly gates: Gates
    readonly at: Date
  },
): readonly Standing[] {
  return queue.flatMap((one) => {
    const { id, app, state, concurrencyGroup, realPath: heldPath } = one
    if (concurrencyGroup !== null && heldPath !== null)
      return [{ id, app, state, concurrencyGroup, realPath: heldPath, gate: null }]
    const entry = apps.get(app)
    if (entry === undefined) return []
    const gate = gateOf(one, { rules: entry, gates, at })
    return [{ id, app, state, concurrencyGroup: entry.concurrencyGroup, realPath: realPath(entry.path), gate }]
  })
}

type InQueue = Gated & Pick<Standing, 'id' | 'state'> & { readonly [Key in HeldFromClaim]: Holding[Key] | null }

type HeldFromClaim = Exclude<keyof Holding, 'app'>

/**
 * What a queued deployment waits for: a gate, one that goes before it and excludes it, or a free slot; null: about to
 * start. One that is kept back by a gate is in nobody's way.
 */
export function waitingFor(
  id: number,
  { queue, maxRunning }: { readonly queue: readonly Standing[]; readonly maxRunning: number },
): WaitingFor | null {
  const position = queue.findIndex((other) => other.id === id)
  const own = queue[position]
  if (own === undefined || own.state === 'running') return null
  if (own.gate !== null) return own.gate
  if (queue.slice(0, position).some((ahead) => ahead.gate === null && excludes(ahead, own))) return 'turn'
  return queue.filter(({ state }) => state === 'running').length >= maxRunning ? 'slot' : null
}
