import type { Stop } from './runner.ts'

/** One piece of work at a time per key, in the order they came; within this process only. */
export type Locks = {
  run<T>(key: string, work: () => Promise<T>): Promise<T>
  /** Work that can wait: null when somebody is at it. Its signal aborts as soon as anybody else asks for the key. */
  runIdly<T>(key: string, work: (signal: AbortSignal) => Promise<T>): Promise<T | null>
}

export function createLocks(): Locks {
  const last = new Map<string, Promise<unknown>>()
  const idly = new Map<string, AbortController>()

  return {
    run,
    async runIdly(key, work) {
      if (last.has(key)) return null
      const giveWay = new AbortController()
      const done = run(key, () => work(giveWay.signal))
      idly.set(key, giveWay)
      try {
        return await done
      } finally {
        if (idly.get(key) === giveWay) idly.delete(key)
      }
    },
  }

  async function run<T>(key: string, work: () => Promise<T>): Promise<T> {
    idly.get(key)?.abort('interrupted' satisfies Stop)
    const mine = (last.get(key) ?? Promise.resolve()).then(work, work)
    last.set(key, mine)
    try {
      return await mine
    } finally {
      if (last.get(key) === mine) last.delete(key)
    }
  }
}
