import { setTimeout as sleep } from 'node:timers/promises'
import type { World } from '../support/open-world.ts'

/** What systemd does for the daemon: started again a second after its end, unless it ended for a person to come (78). */
export type Supervisor = AsyncDisposable & {
  start(): Promise<void>
  readonly restarts: number
  /** Each end that it may not recover from by itself. */
  readonly problems: readonly string[]
  /** The answer of the API, or null when there is none. */
  api(path: string): Promise<unknown>
  /** The answer to a delivery, or null when there is none. */
  deliver(...given: Parameters<World['deliver']>): Promise<Awaited<ReturnType<World['deliver']>> | null>
  /** Whether `look` got to answer true in time. One that throws is asked again: the daemon may be starting. */
  until(patienceMs: number, look: () => Promise<boolean> | boolean): Promise<boolean>
  /** From now on its end is nobody's business. */
  letGo(): void
}

export function keepRunning(world: World): Supervisor {
  const over = new AbortController()
  const isOver = (): boolean => over.signal.aborted
  let restarts = 0
  let watching: Promise<void> = Promise.resolve()
  const problems: string[] = []

  return {
    async start() {
      await world.start()
      watching = watch()
    },
    get restarts() {
      return restarts
    },
    problems,
    async api(path) {
      const { body } = await world.daemon.api(path)
      return body
    },
    deliver: (...given) => world.deliver(...given).catch(() => null),
    async until(patienceMs, look) {
      const deadline = performance.now() + patienceMs
      while (performance.now() < deadline) {
        if (await Promise.resolve(look()).catch(() => false)) return true
        await sleep(50)
      }
      return false
    },
    letGo() {
      over.abort()
    },
    async [Symbol.asyncDispose]() {
      over.abort()
      const { daemon } = world as { readonly daemon: World['daemon'] | undefined }
      daemon?.kill('SIGKILL')
      await watching
    },
  }

  async function watch(): Promise<void> {
    let how = String(await world.daemon.ended)
    while (!isOver()) {
      restarts++
      if (how === '78') problems.push('the daemon ended with 78: systemd does not start it again')
      await sleep(restartMs)
      if (isOver()) return
      try {
        const daemon = await world.start()
        if (isOver()) daemon.kill('SIGKILL')
        how = String(await daemon.ended)
      } catch (error) {
        how = /the daemon ended \(([^)]*)\)/.exec(String(error))?.[1] ?? ''
        if (how === '78') problems.push(String(error))
      }
    }
  }
}

/** `RestartSec` of systemd/deployhook.service. */
const restartMs = 1_000
