import type { Log } from '../lib/log.ts'

/** Warns about what strangers can cause at will: of each kind at most `perMinute` lines, then a count of the rest. */
export function createQuietLog(
  log: Log,
  { perMinute, now }: { readonly perMinute: number; readonly now: () => number },
): (kind: string, fields: object, message: string) => void {
  const minutes = new Map<string, { startedAt: number; lines: number; suppressed: number }>()

  return (kind, fields, message) => {
    const at = now()
    let minute = minutes.get(kind)
    if (minute === undefined || at - minute.startedAt >= 60_000) {
      const { suppressed } = minute ?? { suppressed: 0 }
      if (suppressed > 0) log.warn({ kind, suppressed }, 'lines like the next one were left out')
      minute = { startedAt: at, lines: 0, suppressed: 0 }
      minutes.set(kind, minute)
    }
    minute.lines += 1
    if (minute.lines <= perMinute) log.warn(fields, message)
    else minute.suppressed += 1
  }
}
