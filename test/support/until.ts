import { setTimeout as sleep } from 'node:timers/promises'

/** Polls until `look` finds something (neither null, undefined nor false); fails after a while, saying what was missing. */
export async function until<T>(
  what: string,
  look: () => Promise<T> | T,
  { withinMs = 45_000, everyMs = 15 } = {},
): Promise<Exclude<T, null | undefined | false>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== null && found !== undefined && found !== false) return found as Exclude<T, null | undefined | false>
    if (performance.now() > deadline) throw new Error(`waited ${withinMs / 1000} s in vain for ${what}`)
    await sleep(everyMs)
  }
}
