/** Where the time comes from; tests pass their own. Durations are measured by timers, never by `now`. */
export type Clock = { now(): Date }

export const systemClock: Clock = { now: () => new Date() }

/** Milliseconds on a clock that only goes forward, at its own steady pace. */
export type Monotonic = () => number

export const systemMonotonic: Monotonic = () => performance.now()

/** A clock that goes on from `start` however the machine's is set meanwhile: what lies between two of its times is true. */
export function steadyClock(start: Date, monotonic: Monotonic = systemMonotonic): Clock {
  const startedAt = monotonic()
  return { now: () => new Date(start.getTime() + Math.round(monotonic() - startedAt)) }
}
