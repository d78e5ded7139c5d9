import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import type { LogLine, Store } from '../../src/store/store.ts'
import { at, claimed, enqueue, openTestStore } from './support.ts'

const never = new AbortController().signal
const succeeded = { outcome: 'succeeded', reason: null, message: null } as const

async function collect(lines: AsyncIterable<LogLine>): Promise<readonly LogLine[]> {
  const all: LogLine[] = []
  for await (const line of lines) all.push(line)
  return all
}

const texts = (lines: readonly LogLine[]) => lines.map(({ text: line }) => line)

async function finished(store: Store, ...lines: readonly string[]): Promise<void> {
  await enqueue(store, 'blog')
  const { owner } = await claimed(store)
  const sink = await store.openLog(owner.id, [])
  for (const line of lines) await sink.output(1, Buffer.from(`${line}\n`))
  await sink.close()
  await store.finish(owner, succeeded, at(2))
}

describe('who follows a log', () => {
  it('sees every whole line as it comes, from before the start to the end', async () => {
    const { store } = await openTestStore()
    const { id } = await enqueue(store, 'blog')
    const lines = store.followLog(id, 0, never)[Symbol.asyncIterator]()
    const first = lines.next()

    const { owner } = await claimed(store)
    const sink = await store.openLog(id, [new Secret('hunter22')])
    await sink.note('starting')
    expect((await first).value).toMatchObject({ step: null, text: 'starting' })
    const second = lines.next()
    await sink.output(1, Buffer.from('half hunter'))
    await sink.output(1, Buffer.from('22\nrest'))
    expect((await second).value).toMatchObject({ step: 1, text: 'half [secret]' })
    await store.finish(owner, succeeded, at(2))
    const third = lines.next()
    // Time enough for a follower that would believe the row alone to leave.
    for (let turn = 0; turn < 20; turn++) await store.ping()
    await sink.output(1, Buffer.from(' of it'))
    await sink.close()
    expect((await third).value).toMatchObject({ step: 1, text: 'rest of it' })
    expect((await lines.next()).done).toBe(true)
  })

  it('sees the last line whichever ends first, the deployment or its log', async () => {
    const { store } = await openTestStore()
    const { id } = await enqueue(store, 'blog')
    const { owner } = await claimed(store)
    const sink = await store.openLog(id, [])
    const all = collect(store.followLog(id, 0, never))
    await sink.note('one')
    await sink.close()
    await store.finish(owner, succeeded, at(2))

    expect(texts(await all)).toEqual(['one'])
  })

  it('can leave after any line and come back without a gap or a double', async () => {
    const { store } = await openTestStore()
    await finished(store, 'a', 'é', '', 'long '.repeat(50_000), 'last')
    const whole = await collect(store.followLog(1, 0, never))

    for (const [position, { next }] of whole.entries()) {
      expect(await collect(store.followLog(1, next, never))).toEqual(whole.slice(position + 1))
    }
    expect(texts(whole)).toHaveLength(8)
  })

  it.each([1, 5, 20])(
    'that comes back into the middle of a line, at byte %i, gets the next whole one',
    async (offset) => {
      const { store } = await openTestStore()
      await finished(store, 'first', 'second')

      expect(texts(await collect(store.followLog(1, offset, never)))).toEqual(['second'])
    },
  )

  it('that comes back with an offset beyond the end gets nothing and is let go', async () => {
    const { store } = await openTestStore()
    await finished(store, 'first')

    expect(await collect(store.followLog(1, 1_000_000, never))).toEqual([])
  })

  it('of a deployment that was never there, or never wrote a log, is let go at once', async () => {
    const { store } = await openTestStore()
    await enqueue(store, 'blog')
    await store.cancel(1, at(1))

    expect(await collect(store.followLog(1, 0, never))).toEqual([])
    expect(await collect(store.followLog(99, 0, never))).toEqual([])
  })

  it('goes on through an interruption to the next attempt', async () => {
    const { store } = await openTestStore()
    const { id } = await enqueue(store, 'blog')
    const all = collect(store.followLog(id, 0, never))
    for (const attempt of [1, 2]) {
      const { owner } = await claimed(store)
      const sink = await store.openLog(id, [])
      await sink.note(`attempt ${attempt}`)
      await sink.close()
      await (attempt === 1 ? store.requeue(owner, at(2)) : store.finish(owner, succeeded, at(3)))
    }

    expect(texts(await all)).toEqual(['attempt 1', 'attempt 2'])
  })

  it('sees what a crash cut off, at the end', async () => {
    const { store, directory } = await openTestStore()
    await finished(store, 'first')
    appendFileSync(join(directory, 'logs', '1.log'), '2026-01-02T03:04:05.678Z 2 cut o')

    expect(texts(await collect(store.followLog(1, 0, never)))).toEqual(['first', 'cut o'])
  })

  it('is let go by the signal and by the end of the store', async () => {
    const { store } = await openTestStore()
    const { id } = await enqueue(store, 'blog')
    const controller = new AbortController()
    const aborted = collect(store.followLog(id, 0, controller.signal))
    const open = collect(store.followLog(id, 0, never))

    controller.abort()
    expect(await aborted).toEqual([])
    await store.close()
    expect(await open).toEqual([])
  })

  it('may be slow, and many: all see the same, which is read once', async () => {
    const { store } = await openTestStore()
    const { id } = await enqueue(store, 'blog')
    const { owner } = await claimed(store)
    const followers = Array.from({ length: 5 }, () => collect(store.followLog(id, 0, never)))
    const sink = await store.openLog(id, [])
    for (let line = 0; line < 2000; line++) void sink.output(1, Buffer.from(`${line}\n`))
    await sink.close()
    await store.finish(owner, succeeded, at(2))

    const [first = [], ...others] = await Promise.all(followers)
    expect(texts(first)).toEqual(Array.from({ length: 2000 }, (_, line) => String(line)))
    for (const seen of others) expect(seen.every((line, at) => line === first[at])).toBe(true)
  })
})

it('many who follow the same log share one reading of it, wherever each began', async () => {
  const { store } = await openTestStore()
  const { id } = await enqueue(store, 'blog')
  const { owner } = await claimed(store)
  const sink = await store.openLog(id, [])
  await sink.output(1, Buffer.from(`${'early\n'.repeat(5_000)}the last of these\n`))
  const seen = [0, 1, 40, 100_000].map((offset) => ({ offset, lines: [] as LogLine[] }))
  const followers = seen.map(async ({ offset, lines }) => {
    for await (const line of store.followLog(id, offset, never)) lines.push(line)
  })
  while (!seen.every(({ lines }) => lines.at(-1)?.text === 'the last of these')) await store.ping()
  for (let line = 0; line < 500; line++) await sink.output(1, Buffer.from(`${line} ${'é'.repeat(line)}\n`))
  await sink.close()
  await store.finish(owner, succeeded, at(2))
  await Promise.all(followers)

  const [whole = [], ...others] = seen.map(({ lines }) => lines)
  expect(texts(whole).slice(-500)).toEqual(Array.from({ length: 500 }, (_, line) => `${line} ${'é'.repeat(line)}`))
  for (const lines of others) {
    const same = whole.slice(-lines.length)
    expect(lines).toEqual(same)
    // Who falls behind the others reads by itself.
    expect(lines.filter((line, index) => line === same[index]).length).toBeGreaterThan(100)
  }
})

describe('who reads a log', () => {
  it('gets the file from an offset on, with its size', async () => {
    const { store, directory } = await openTestStore()
    writeFileSync(join(directory, 'logs', '7.log'), 'hello\nworld\n')

    const whole = await store.readLog(7)
    const rest = await store.readLog(7, 6)
    const none = await store.readLog(7, 12)

    expect([whole?.size, rest?.size, none?.size]).toEqual([12, 12, 12])
    expect([await read(whole), await read(rest), await read(none)]).toEqual(['hello\nworld\n', 'world\n', ''])
  })

  it('gets null when there is none', async () => {
    const { store } = await openTestStore()

    expect(await store.readLog(1)).toBeNull()
  })
})

async function read(log: Awaited<ReturnType<Store['readLog']>>): Promise<string> {
  return log === null ? '' : text(log.stream)
}
