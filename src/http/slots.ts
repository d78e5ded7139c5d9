/** Anything that says once that it is over: a ServerResponse does, whether it was finished or broke off. */
type Closing = { once(event: 'close', listener: () => void): unknown }

/** Waits for one of `count` slots, which is given back when its holder closes. First come, first served. */
export function createSlots(count: number): (holder: Closing) => Promise<void> {
  const waiting: (() => void)[] = []
  let free = count

  return (holder) => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const start = (): void => {
      holder.once('close', giveBack)
      resolve(undefined)
    }
    if (free > 0) {
      free -= 1
      start()
      return promise
    }
    waiting.push(start)
    holder.once('close', () => {
      const place = waiting.indexOf(start)
      if (place !== -1) waiting.splice(place, 1)
      resolve(undefined)
    })
    return promise
  }

  function giveBack(): void {
    const next = waiting.shift()
    if (next === undefined) free += 1
    else next()
  }
}
