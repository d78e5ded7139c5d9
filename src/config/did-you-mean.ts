import leven from 'leven'
import { printable } from './finding.ts'

/** `: did you mean "x"?` when a candidate is near enough to be what was meant, else the candidates, if there are few. */
export function didYouMean(written: string, candidates: readonly string[]): string {
  const nearest = nearestTo(written, candidates)
  if (nearest !== null) return `: did you mean "${nearest}"?`
  if (candidates.length === 0 || candidates.length > 20) return ''
  return ` (there is ${candidates.join(', ')})`
}

/** What was written, fit to be quoted in a message. */
export function quoted(written: string): string {
  return `"${printable(written.length > 80 ? `${written.slice(0, 80)}…` : written)}"`
}

function nearestTo(written: string, candidates: readonly string[]): string | null {
  const word = written.slice(0, 80).toLowerCase()
  const allowed = Math.max(1, Math.floor(word.length / 3))
  let nearest: string | null = null
  let least = allowed + 1
  for (const candidate of candidates) {
    const distance = leven(word, candidate.toLowerCase())
    if (distance < least) [nearest, least] = [candidate, distance]
  }
  return nearest
}
