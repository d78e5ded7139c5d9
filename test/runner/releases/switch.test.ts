import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { layoutOf } from '../../../src/runner/releases/layout.ts'
import { switchTo } from '../../../src/runner/releases/switch.ts'
import { temporaryFolder } from '../running.ts'

it('1,000 switches are seen by a reader in a tight loop as one release or the other, never as none or as a mixture', async () => {
  const path = temporaryFolder()
  const layout = layoutOf({ path, name: 'blog' }, join(path, 'state'))
  for (const name of ['one', 'two']) {
    mkdirSync(layout.directoryOf(name), { recursive: true })
    for (const file of ['first', 'second']) writeFileSync(join(layout.directoryOf(name), file), name)
  }
  await switchTo(layout, 'one')
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const reader = new Worker(new URL('reader.ts', import.meta.url), { workerData: { current: layout.current, stop } })
  await once(reader, 'message')

  for (let index = 0; index < 1_000; index++) await switchTo(layout, index % 2 === 0 ? 'two' : 'one')
  Atomics.store(stop, 0, 1)
  const [report] = (await once(reader, 'message')) as [{ reads: number; seen: string[] }]
  expect(report.seen.sort()).toEqual(['one', 'two'])
  expect(report.reads).toBeGreaterThan(1_000)
  expect(readFileSync(join(layout.current, 'first'), 'utf8')).toBe('one')
})
