import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/**
 * Lets V8's room for new objects grow while there is work, and no further than to `mostBytes`: where those of 64 requests
 * at once do not fit, each collection carries them over to the old ones, which took a sixth of the time at 64 connections.
 * `main.ts` has forbidden it to grow before, when it would for what a start alone leaves behind, and for good. Of itself
 * V8 takes the room back when nothing happens for a while, so that it must be able to grow again.
 */
export function letYoungSpaceGrow({ mostBytes }: { readonly mostBytes: number }): Disposable {
  const collections: number[] = []
  const observer = new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) collections.push(startTime)
    collections.splice(0, collections.length - busyCollections)
    const [oldest = 0] = collections
    const isBusy = collections.length === busyCollections && performance.now() - oldest < 1000
    growBy(isBusy && youngSpaceBytes() < mostBytes ? 2 : 1)
  })
  observer.observe({ entryTypes: ['gc'] })
  return {
    [Symbol.dispose]() {
      observer.disconnect()
      growBy(1)
    },
  }
}

/** As many within a second come of work alone. */
const busyCollections = 10

export function youngSpaceBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0
}

/** V8 reads it each time that it would grow, so that it may be set while the program runs. */
function growBy(factor: 1 | 2): void {
  setFlagsFromString(`--semi-space-growth-factor=${factor}`)
}
