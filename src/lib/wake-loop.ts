import { pause } from './pause.ts'

export type WakeLoop = {
  /** Asks for a pass that begins after this call; one under way is followed by one more, however often it is asked. */
  wake(): void
  /** Resolves when the pass that this asks for has ended, well or not. */
  passed(): Promise<void>
  /** Resolves when no pass is under way. */
  settled(): Promise<void>
}

/** Runs `pass` whenever it is woken, one at a time, until the signal aborts. A pass that throws is repeated after `retryMs`. */
export function createWakeLoop(
  pass: () => Promise<void>,
  options: { readonly signal: AbortSignal; readonly retryMs: number; readonly onError: (error: unknown) => void },
): WakeLoop {
  const { signal, retryMs, onError } = options
  let isWanted = false
  let underWay: Promise<void> | null = null
  let waiting: (() => void)[] = []
  const wake = (): void => {
    isWanted = true
    underWay ??= loop().finally(() => {
      underWay = null
      tell()
    })
  }

  return {
    wake,
    passed() {
      return new Promise((resolve) => {
        waiting.push(resolve)
        wake()
      })
    },
    async settled() {
      await underWay
    },
  }

  async function loop(): Promise<void> {
    while (isWanted && !signal.aborted) {
      isWanted = false
      try {
        await pass()
      } catch (error) {
        onError(error)
        isWanted = true
        tell()
        await pause(retryMs, signal)
      }
      if (!isWanted) tell()
    }
  }

  function tell(): void {
    const told = waiting
    waiting = []
    for (const resolve of told) resolve()
  }
}
