/** One piece of work at a time per key, in the order they came; within this process only. */
export type Locks = { run<T>(key: string, work: () => Promise<T>): Promise<T> }

export function createLocks(): Locks {
  const last = new Map<string, Promise<unknown>>()
  return {
    async run(key, work) {
      const mine = (last.get(key) ?? Promise.resolve()).then(work, work)
      last.set(key, mine)
      try {
        return await mine
      } finally {
        if (last.get(key) === mine) last.delete(key)
      }
    },
  }
}
