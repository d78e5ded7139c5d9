import { expect, it } from 'vitest'
import { createLiveMap, type Reading } from '../src/reload.ts'
import type { DeployMap } from '../src/model/deploy-map.ts'
import { StoreError } from '../src/store/index.ts'
import { createApp, createMap } from './support/map.ts'
import { until } from './support/until.ts'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

function listeningOn(port: number): Extract<Reading, { kind: 'loaded' }> {
  const map = createMap([])
  const server: DeployMap['server'] = { ...map.server, listen: { kind: 'tcp', host: '127.0.0.1', port } }
  return { kind: 'loaded', map: { ...map, server }, warnings: [] }
}

it('each reload says what waits for a restart, and none does once it is taken back', async () => {
  let reading = listeningOn(9001)
  const live = createLiveMap(listeningOn(9000), {
    read: () => Promise.resolve(reading),
    store: { reconcile: () => Promise.resolve([]) },
    ...{ clock: { now: () => new Date(0) }, log: silent, onSwap: () => undefined },
    ...{ retryMs: 1, signal: new AbortController().signal },
  })
  const waiting = { warnings: ['server.listen has changed: it takes effect at the next restart'] }
  expect([await live.reload(), await live.reload()]).toMatchObject([waiting, waiting])
  reading = listeningOn(9000)
  expect(await live.reload()).toMatchObject({ warnings: [] })
})

it('is answered although the queue cannot follow yet, which it does as soon as it can', async () => {
  let isFull = true
  let swaps = 0
  const asked: string[][] = []
  const live = createLiveMap(
    { kind: 'loaded', map: createMap([]), warnings: [] },
    {
      read: () => Promise.resolve({ kind: 'loaded', map: createMap([createApp('shop')]), warnings: [] }),
      store: {
        reconcile: ({ apps }) => {
          asked.push([...apps.keys()])
          return isFull ? Promise.reject(new StoreError('unavailable', 'state.db is full')) : Promise.resolve([])
        },
      },
      ...{ clock: { now: () => new Date(0) }, log: silent, onSwap: () => (swaps += 1) },
      ...{ retryMs: 1, signal: new AbortController().signal },
    },
  )

  expect(await live.reload()).toMatchObject({
    kind: 'reloaded',
    warnings: [expect.stringContaining('state.db is full')],
  })
  expect([...live.map().apps.keys()]).toEqual(['shop'])
  await until('it to be tried again', () => asked.length > 3)
  expect(swaps).toBe(0)

  isFull = false
  await until('the queue to follow', () => swaps === 1)
  expect(asked.at(-1)).toEqual(['shop'])
  const tries = asked.length
  expect(await live.reload()).toMatchObject({ warnings: [] })
  expect(asked).toHaveLength(tries + 1)
})
