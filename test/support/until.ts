import { setTimeout as sleep } from 'node:timers/promises'

/** Polls until `look` finds something (neither null, undefined nor false); fails after 45 s, saying what was missing. */
export async function until<T>(
  what: string,
  look: () => Promise<T> | T,
): Promise<Exclude<T, null | undefined | false>> {
  const deadline = performance.now() + 45_000
  for (;;) {
    const found = await look()
    if (found !== null && found !== undefined && found !== false) return found as Exclude<T, null | undefined | false>
    if (performance.now() > deadline) throw new Error(`waited 45 s in vain for ${what}`)
    await sleep(15)
  }
}
