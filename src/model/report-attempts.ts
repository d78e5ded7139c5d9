/**
 * When a report is tried again after `attempts` attempts have failed; null: it is given up. Eight attempts in about a
 * day: soon at first, for a receiver that restarts, later for one that somebody has to mend.
 */
export function nextAttempt(
  attempts: number,
  {
    at,
    retryAfterMs,
    random,
  }: { readonly at: Date; readonly retryAfterMs: number | null; readonly random: () => number },
): Date | null {
  const waitMs = waitsMs[attempts - 1]
  if (waitMs === undefined) return null
  const askedMs = Math.min(retryAfterMs ?? 0, longestAskedMs)
  // Spread by a fifth either way, so that reports which failed together do not all come back together.
  return new Date(at.getTime() + Math.max(askedMs, waitMs * (1 - spread + 2 * spread * random())))
}

const spread = 0.2

const minute = 60_000
const waitsMs = [minute / 2, 2 * minute, 10 * minute, 30 * minute, 120 * minute, 360 * minute, 900 * minute]

/** No attempt is put off for longer: one that is further away was put off by a clock that has been set back since. */
export const longestWaitMs = Math.max(...waitsMs) * (1 + spread)

/** A receiver may ask for more time, but not for ever. */
const longestAskedMs = 6 * 60 * minute
