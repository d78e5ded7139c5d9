import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { settleThePast } from '../src/app/settle-the-past.ts'
import { at, claim, enqueue, openTestStore, silentLog } from './store/support.ts'
import { createMap } from './support/map.ts'

it('the log of a deployment that the death of the daemon has ended says so in its last line', async () => {
  const { store } = await openTestStore()
  await enqueue(store, 'blog')
  await claim(store)
  const sink = await store.openLog(1, [])
  await sink.output(1, Buffer.from('half a li'))
  await sink.close()

  const runner = { underway: () => Promise.resolve([]), endLeftovers: () => Promise.resolve(0) }
  await settleThePast({ store, runner, map: () => createMap([]), clock: { now: () => at(5) }, log: silentLog })

  const { message } = (await store.deployment(1)) ?? {}
  const log = await store.readLog(1)
  expect(log === null ? null : (await text(log.stream)).trimEnd().split('\n').at(-1)).toContain(
    `interrupted: ${message}`,
  )
})
