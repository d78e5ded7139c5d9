import type { Clock, Monotonic } from './clock.ts'
import type { Log } from './log.ts'

/** Notices when the machine's clock is set, or has stood still in a sleep. */
export type ClockWatch = {
  /** Compares, and answers whether it jumped within the last day and was not set back since. */
  readonly hasJumped: () => boolean
}

export type ClockWatchDeps = { readonly clock: Clock; readonly monotonic: Monotonic; readonly log: Pick<Log, 'warn'> }

/** NTP slews at most 0.5 ms a second (https://man7.org/linux/man-pages/man2/adjtimex.2.html): that is no jump. */
export function createClockWatch({ clock, monotonic, log }: ClockWatchDeps): ClockWatch {
  let last = read()
  /** By how much the clock is off what it was before it jumped. */
  let offsetMs = 0
  let jumpedAt: number | null = null

  return {
    hasJumped() {
      const now = read()
      const byMs = now.wall - last.wall - (now.steady - last.steady)
      last = now
      if (Math.abs(byMs) > toleranceMs) jump(byMs, now.steady)
      if (jumpedAt !== null && now.steady - jumpedAt > heldMs) forget()
      return jumpedAt !== null
    },
  }

  function jump(byMs: number, at: number): void {
    offsetMs += byMs
    if (Math.abs(offsetMs) <= toleranceMs) {
      forget()
      log.warn({ byMs: Math.round(byMs) }, 'the clock of this machine is back where it was')
      return
    }
    jumpedAt = at
    log.warn(
      { byMs: Math.round(byMs) },
      'the clock of this machine jumped (set by hand or by NTP, or the machine slept): nothing is forgotten by its age for a day; see timedatectl',
    )
  }

  function forget(): void {
    jumpedAt = null
    offsetMs = 0
  }

  function read(): { readonly wall: number; readonly steady: number } {
    return { wall: clock.now().getTime(), steady: monotonic() }
  }
}

const toleranceMs = 10_000
const heldMs = 24 * 3_600_000
