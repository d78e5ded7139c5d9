import type { Stop } from './runner.ts'

/** One piece of work at a time per key, in the order they came; within this process only. */
export type Locks = {
  /**
   * Rejects with `GaveUpWaiting` as soon as the signal aborts before the work has begun, which then never does. What has
   * begun is its own to end.
   */
  run<T>(key: string, work: () => Promise<T>, caller: { readonly signal: AbortSignal }): Promise<T>
  /** Work that can wait: null when somebody is at it. Its signal aborts as soon as anybody else asks for the key. */
  runIdly<T>(key: string, work: (signal: AbortSignal) => Promise<T>): Promise<T | null>
}

/** The caller's signal aborted before its turn came. */
export class GaveUpWaiting extends Error {
  override readonly name = 'GaveUpWaiting'
}

export function createLocks(): Locks {
  const last = new Map<string, Promise<unknown>>()
  const idly = new Map<string, AbortController>()

  return {
    async run(key, work, { signal }) {
      const gaveUp = new GaveUpWaiting(`gave up waiting for ${key}`)
      if (signal.aborted) throw gaveUp
      idly.get(key)?.abort('interrupted' satisfies Stop)
      const givingUp = Promise.withResolvers<never>()
      const giveUp = () => {
        givingUp.reject(gaveUp)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      // Who has given up keeps its place, with nothing to do there: so whoever comes next waits for the holder all the same.
      const done = enqueue(key, () => {
        signal.removeEventListener('abort', giveUp)
        return signal.aborted ? givingUp.promise : work()
      })
      return Promise.race([done, givingUp.promise])
    },
    async runIdly(key, work) {
      if (last.has(key)) return null
      const giveWay = new AbortController()
      idly.set(key, giveWay)
      try {
        return await enqueue(key, () => work(giveWay.signal))
      } finally {
        if (idly.get(key) === giveWay) idly.delete(key)
      }
    },
  }

  function enqueue<T>(key: string, work: () => Promise<T>): Promise<T> {
    const mine = (last.get(key) ?? Promise.resolve()).then(work, work)
    last.set(key, mine)
    const forget = () => {
      if (last.get(key) === mine) last.delete(key)
    }
    mine.then(forget, forget)
    return mine
  }
}
