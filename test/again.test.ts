import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { createAgain } from '../src/again.ts'
import type { App, DeployMap } from '../src/model/deploy-map.ts'
import { rememberingLog, start } from './store/support.ts'

it('gives others a turn while it looks at thousands of apps', async () => {
  const stopped = new AbortController()
  onTestFinished(() => {
    stopped.abort()
  })
  const names = Array.from({ length: 5_000 }, (_, number) => `app-${number}`)
  const apps = new Map(names.map((name) => [name, { name } as App]))
  const looked: string[] = []
  let longest = 0
  const again = createAgain({
    store: {
      async *changes() {
        await sleep(60_000, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined)
        yield* []
      },
      deployments({ app }) {
        const until = performance.now() + 0.05
        while (performance.now() < until);
        looked.push(app ?? '')
        return Promise.resolve([])
      },
      enqueueFound: () => Promise.reject(new Error('nothing is to be deployed')),
    },
    floor: { problems: () => Promise.resolve([]), full: () => Promise.resolve(null) },
    stateDirectory: '/nowhere',
    map: () => ({ apps }) as unknown as DeployMap,
    clock: { now: () => start },
    log: rememberingLog().log,
    signal: stopped.signal,
    everyMs: 5,
  })

  again.start()
  while (looked.length < names.length) {
    const before = looked.length
    await setImmediate()
    longest = Math.max(longest, looked.length - before)
  }

  expect(new Set(looked)).toEqual(new Set(names))
  expect(longest).toBeLessThan(names.length / 5)
})
