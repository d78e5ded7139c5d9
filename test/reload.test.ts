import { expect, it } from 'vitest'
import { createLiveMap, type Reading } from '../src/reload.ts'
import type { DeployMap } from '../src/model/deploy-map.ts'
import { createMap } from './support/map.ts'

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
