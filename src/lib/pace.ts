import { setImmediate } from 'node:timers/promises'

/** To be awaited again and again by work that takes long: whenever it has gone on for `forMs`, others get a turn. */
export function createPace(forMs = 10): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < forMs) return
    await setImmediate()
    since = performance.now()
  }
}
