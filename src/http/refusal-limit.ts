/**
 * Says whether one more refusal for this address is within bounds: `burst` at once, then one for every `everyMs`.
 * Remembers `maxAddresses`; beyond that the one whose last refusal is the oldest is forgotten.
 */
export function createRefusalLimit(options: {
  readonly burst: number
  readonly everyMs: number
  readonly maxAddresses: number
  /** Monotonic milliseconds. */
  readonly now: () => number
}): (address: string) => boolean {
  const { burst, everyMs, maxAddresses, now } = options
  const buckets = new Map<string, { readonly left: number; readonly at: number }>()

  return (address) => {
    const at = now()
    const known = buckets.get(address)
    const left = known === undefined ? burst : Math.min(burst, known.left + (at - known.at) / everyMs)
    const allowed = left >= 1
    buckets.delete(address) // and set again: the map's order is that of the last refusal
    buckets.set(address, { left: allowed ? left - 1 : left, at })
    const [oldest] = buckets.keys()
    if (buckets.size > maxAddresses && oldest !== undefined) buckets.delete(oldest)
    return allowed
  }
}
