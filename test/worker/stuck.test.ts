import { expect, it, onTestFinished } from 'vitest'
import { StoreError } from '../../src/store/index.ts'
import type { Store } from '../../src/store/store.ts'
import { createWorker } from '../../src/worker.ts'
import { openTestStore, silentLog } from '../store/support.ts'
import { until } from '../support/until.ts'
import { createApp, createMap } from '../support/map.ts'

/** A worker over a real store that cannot be claimed from for `reason`, until it is mended. */
async function hinderedWorker(reason: Error) {
  const { store } = await openTestStore()
  let isMended = false
  let looks = 0
  const claim: Store['claim'] = (request) => {
    looks += 1
    return isMended ? store.claim(request) : Promise.reject(reason)
  }
  const worker = createWorker({
    store: { ...store, claim },
    runner: {
      deploy: () => Promise.reject(new Error('nothing is to be deployed')),
      rename: () => Promise.resolve(),
      forget: () => Promise.resolve(),
    },
    map: () => createMap([createApp('blog')]),
    realPath: (path) => path,
    ...{ clock: { now: () => new Date() }, log: silentLog, failPoint: () => undefined, retryMs: 1 },
  })
  onTestFinished(() => worker.drain(0))
  worker.start()
  return { worker, looks: () => looks, mend: () => void (isMended = true) }
}

it('a worker that cannot claim for a reason that will not pass is stuck until it can', async () => {
  const { worker, mend } = await hinderedWorker(new Error('no such table: freezes'))
  await until('it to be stuck', worker.isStuck)
  mend()
  await until('it to go on', () => !worker.isStuck())
})

it('a worker that waits for room on the disk is not stuck', async () => {
  const { worker, looks } = await hinderedWorker(new StoreError('unavailable', 'the disk is full'))
  await until('some looks', () => looks() > 5)
  expect(worker.isStuck()).toBe(false)
})
