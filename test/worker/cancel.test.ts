import { expect, it, onTestFinished } from 'vitest'
import { createWorker } from '../../src/worker.ts'
import { enqueue, openTestStore, silentLog } from '../store/support.ts'
import { createApp, createMap } from '../support/map.ts'

it('cancels what an earlier daemon left running when that is asked before the worker has begun with it', async () => {
  const { store } = await openTestStore()
  const app = createApp('blog')
  const { id } = await enqueue(store, 'blog')
  await store.claim({ resolve: () => ({ ...app, realPath: app.path }), maxRunning: 1, at: new Date() })
  const [claim] = await store.running()
  if (claim === undefined) throw new Error('nothing runs')
  const told = Promise.withResolvers<AbortSignal>()
  const worker = createWorker({
    ...{ store, clock: { now: () => new Date() }, log: silentLog, failPoint: () => undefined, retryMs: 1_000 },
    runner: {
      deploy({ signal }) {
        told.resolve(signal)
        return Promise.resolve({ outcome: 'cancelled', reason: null, message: null })
      },
      rename: () => Promise.resolve(),
      forget: () => Promise.resolve(),
    },
    map: () => createMap([app]),
    realPath: (path) => path,
  })
  onTestFinished(() => worker.drain(0))

  expect(await worker.cancel(id)).toBe('cancelling')
  await new Promise((resolve) => setImmediate(resolve))
  worker.start([{ claim, app, goOn: null }])
  expect((await told.promise).reason).toBe('cancelled')
})
