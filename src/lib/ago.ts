/** How long before `now` something was, for people: `just now`, `2 min ago`, `3 h ago`, `5 days ago`; beyond a month the date. */
export function ago(at: Date, now: Date): string {
  const seconds = Math.floor((now.getTime() - at.getTime()) / 1000)
  if (seconds < 0) return at.toISOString()
  if (seconds < 5) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < hour) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 2 * day) return `${Math.floor(seconds / hour)} h ago`
  if (seconds < 30 * day) return `${Math.floor(seconds / day)} days ago`
  return at.toISOString().slice(0, 10)
}

const hour = 3600
const day = 24 * hour

/** A length of time for people: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`. */
export function lengthOf(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 10) return `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  if (seconds < hour) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(seconds / hour)} h ${Math.floor((seconds % hour) / 60)} min`
}
