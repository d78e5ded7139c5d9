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
  readonly deaths: number
  readonly maxAttempts: number
  readonly onInterrupt: 'requeue' | 'stop' | 'gone'
  readonly queued: readonly Waiting[]
}): Recovery {
  const { trigger, cancelRequested, deaths, maxAttempts, onInterrupt, queued } = interrupted
  if (cancelRequested) return { kind: 'cancelled' }
  if (onInterrupt === 'gone') return { kind: 'interrupted', reason: 'app_removed' }
  if (onInterrupt === 'stop') return { kind: 'interrupted', reason: 'on_interrupt' }
  if (deaths >= maxAttempts) return { kind: 'poison' }
  const newer = queued.find((other) => supersedes(kindOf(other.trigger), kindOf(trigger)))
  return newer === undefined ? { kind: 'requeue' } : { kind: 'superseded', by: newer.id }
}

/** What the queue holds, in its order, running ones first. */
export type Standing = {
  readonly id: number
  readonly app: string
  readonly state: 'queued' | 'running'
  readonly concurrencyGroup: string
}

/** What a queued deployment waits for: those of its own group or app that go first, or else a free slot. */
export function waitingFor(id: number, queue: readonly Standing[]): WaitingFor | null {
  const position = queue.findIndex((other) => other.id === id)
  const own = queue[position]
  if (own === undefined || own.state === 'running') return null
  const ahead = queue.slice(0, position)
  return ahead.some((other) => other.concurrencyGroup === own.concurrencyGroup || other.app === own.app)
    ? 'turn'
    : 'slot'
}
