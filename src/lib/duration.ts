/** Milliseconds in each unit, from the longest: the order in which a duration names them. */
const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const

const pattern = /^(?:(?<d>\d+)d)?(?:(?<h>\d+)h)?(?:(?<m>\d+)m(?!s))?(?:(?<s>\d+)s)?(?:(?<ms>\d+)ms)?$/

/** Milliseconds of a duration such as `90s` or `1h30m` (whole numbers, longest unit first), or null for anything else. */
export function parseDuration(text: string): number | null {
  const groups = pattern.exec(text)?.groups
  if (groups === undefined || text === '') return null
  let total = 0
  for (const [unit, length] of Object.entries(units)) total += Number(groups[unit] ?? 0) * length
  return Number.isSafeInteger(total) ? total : null
}

/** The shortest duration text that means `durationMs`: `1h30m`, `0s`. Fractions of a millisecond are dropped. */
export function formatDuration(durationMs: number): string {
  let rest = Math.max(0, Math.trunc(durationMs))
  let text = ''
  for (const [unit, length] of Object.entries(units)) {
    const count = Math.floor(rest / length)
    if (count > 0) text += `${count}${unit}`
    rest -= count * length
  }
  return text === '' ? '0s' : text
}
