import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it, onTestFinished } from 'vitest'
import { letYoungSpaceGrow, youngSpaceBytes } from '../../src/lib/young-space.ts'

const MiB = 1024 * 1024

it('lets the room for new objects grow when there is work, and no further than it is told, again and again', async () => {
  onTestFinished(() => {
    setFlagsFromString('--semi-space-growth-factor=2')
  })
  setFlagsFromString('--semi-space-growth-factor=1')
  const atFirst = youngSpaceBytes()
  await work()
  expect(youngSpaceBytes()).toBeLessThanOrEqual(Math.max(atFirst, 2 * MiB))

  const growing = letYoungSpaceGrow({ mostBytes: 4 * atFirst })
  onTestFinished(() => {
    growing[Symbol.dispose]()
  })
  await workUntil(4 * atFirst)
  const grown = youngSpaceBytes()
  expect(grown).toBeLessThanOrEqual(8 * atFirst)
  await work()
  expect(youngSpaceBytes()).toBe(grown)

  takeBack()
  expect(youngSpaceBytes()).toBeLessThan(grown)
  await workUntil(grown)
  expect(youngSpaceBytes()).toBe(grown)
}, 120_000)

/** A machine that is busy with other things is not always fast enough for this to count as much work. */
async function workUntil(bytes: number): Promise<void> {
  while (youngSpaceBytes() < bytes) await work()
}

/** As V8 does of itself after a while in which nothing happens. */
function takeBack(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (how: object) => void
  collect({ type: 'major', flavor: 'last-resort' })
}

/** As requests do: many at once, each with objects that live for a while. */
async function work(): Promise<void> {
  let alive: object[] = []
  for (let turn = 0; turn < 600; turn++) {
    for (let each = 0; each < 100; each++) alive.push(Array.from({ length: 200 }, (_, at) => at))
    if (alive.length > 3000) alive = []
    await setImmediate()
  }
}
