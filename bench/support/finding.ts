/** What one benchmark found of one thing: a value a round of us and, in the same rounds, of what we are compared with. */
export type Finding = {
  /** `accept, 64 connections` */
  readonly what: string
  readonly unit: Unit
  readonly ours: readonly number[]
  readonly theirs: { readonly who: string; readonly values: readonly number[] } | null
  readonly target: Target | null
}

export type Unit = '/s' | 'ms' | 's' | 'MiB' | 'MB/s' | '%' | '× a push' | ''

/** What it is to reach: our value itself, its ratio to theirs, or by how much it is above theirs. */
export type Target = {
  readonly of: 'value' | 'ratio' | 'difference'
  readonly is: 'at least' | 'at most'
  readonly limit: number
}

/** Medians of the rounds. Of a ratio and a difference it is that of the pairs: what slows a machine slows both of a pair. */
export type Judged = {
  readonly ours: Spread
  readonly theirs: Spread | null
  readonly ratio: Spread | null
  readonly difference: Spread | null
  /** null: there is nothing to reach, or nothing to compare with. */
  readonly isMet: boolean | null
}

export type Spread = { readonly median: number; readonly min: number; readonly max: number }

export function judge({ ours, theirs, target }: Finding): Judged {
  const pairs = theirs === null ? [] : ours.map((own, round) => [own, theirs.values[round] ?? NaN] as const)
  const ratio = theirs === null ? null : spreadOf(pairs.map(([own, other]) => own / other))
  const difference = theirs === null ? null : spreadOf(pairs.map(([own, other]) => own - other))
  const found = { ours: spreadOf(ours), theirs: theirs === null ? null : spreadOf(theirs.values), ratio, difference }
  return { ...found, isMet: target === null ? null : isMet(target, found) }
}

function isMet({ of, is, limit }: Target, found: Omit<Judged, 'isMet'>): boolean | null {
  const reached = { value: found.ours, ratio: found.ratio, difference: found.difference }[of]?.median
  if (reached === undefined) return null
  return is === 'at least' ? reached >= limit : reached <= limit
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: medianOf(values), min: Math.min(...values), max: Math.max(...values) }
}

/** Of an even number it is the mean of the two in the middle. */
function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const [low = NaN, high = NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]]
  return (low + high) / 2
}

/** The value that `share` (0 to 1) of all values are at most; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
