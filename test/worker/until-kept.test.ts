import { expect, it } from 'vitest'
import { StoreError } from '../../src/store/errors.ts'
import { untilKept } from '../../src/worker/until-kept.ts'

const log = { warn: () => undefined }
const isFull = (): Promise<void> => Promise.reject(new StoreError('unavailable', 'the disk is full'))

it('a deployment waits for a store that cannot be written to', async () => {
  const answers = [isFull, isFull, () => Promise.resolve()]
  await untilKept(() => (answers.shift() ?? isFull)(), { signal: new AbortController().signal, retryMs: 1, log })
  expect(answers).toEqual([])
})

it('a deployment that is told to end waits no longer', async () => {
  const stop = new AbortController()
  const waiting = untilKept(isFull, { signal: stop.signal, retryMs: 100_000, log })
  stop.abort()
  await waiting
})

it('what is no scarcity is thrown', async () => {
  const broken = () => Promise.reject(new Error('a defect'))
  await expect(untilKept(broken, { signal: new AbortController().signal, retryMs: 1, log })).rejects.toThrow('a defect')
})
