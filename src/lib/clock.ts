/** Where the time comes from; tests pass their own. Durations are measured by timers, never by `now`. */
export type Clock = { now(): Date }

export const systemClock: Clock = { now: () => new Date() }
