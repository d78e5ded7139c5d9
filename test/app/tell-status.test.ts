import { expect, it, onTestFinished } from 'vitest'
import { statusLine, tellStatus } from '../../src/app/tell-status.ts'
import { at, claim, enqueue, openTestStore, silentLog } from '../store/support.ts'
import { until } from '../support/until.ts'

it.each([
  ['idle', []],
  ['idle; 1 waits', ['queued']],
  ['deploying app1 (1)', ['running']],
  ['deploying app1 (1), app3 (3); 2 wait', ['running', 'queued', 'running', 'queued']],
  ['deploying app1 (1), app2 (2), app3 (3), 2 more', ['running', 'running', 'running', 'running', 'running']],
] as const)('the line says %s', (line, states) => {
  expect(statusLine(states.map((state, index) => ({ id: index + 1, app: `app${index + 1}`, state })))).toBe(line)
})

it('tells what there is at the start, and each change of it', async () => {
  const { store } = await openTestStore()
  await enqueue(store, 'blog')
  const { lines, ended } = follow(store, { everyMs: 1 })
  await until('the first line', () => lines.length === 1)
  const claimed = await claim(store)
  await until('the second', () => lines.length === 2)
  if (claimed === null) throw new Error('nothing was claimed')
  await store.startStep(claimed.owner, { number: 1, name: 'true', phase: 'build', at: at(4) }) // which changes no line
  await store.finish(claimed.owner, { outcome: 'succeeded', reason: null, message: null }, at(5))
  await until('the third', () => lines.length === 3)
  expect(lines).toEqual(['idle; 1 waits', 'deploying blog (1)', 'idle'])
  await ended()
})

it('tells the last of many changes, not each', async () => {
  const { store } = await openTestStore()
  const { lines, ended } = follow(store, { everyMs: 200 })
  await until('the first line', () => lines.length === 1)
  for (let app = 1; app <= 20; app++) await enqueue(store, `app${app}`)
  await until('the last of them', () => lines.at(-1) === 'idle; 20 wait')
  expect(lines.length).toBeLessThan(10)
  await ended()
})

it('goes on after the store could not be read', async () => {
  const { store } = await openTestStore()
  let isHindered = true
  const queue = () => (isHindered ? Promise.reject(new Error('disk I/O error')) : store.queue())
  const { lines, ended } = follow({ ...store, queue }, { everyMs: 1 })
  await enqueue(store, 'blog')
  isHindered = false
  await until('a line', () => lines.at(-1) === 'idle; 1 waits')
  await ended()
})

it('ends with the signal, also while it pauses', async () => {
  const { store } = await openTestStore()
  const { lines, ended } = follow(store, { everyMs: 600_000 })
  await until('the first line', () => lines.length === 1)
  await enqueue(store, 'blog')
  await ended()
  expect(lines).toEqual(['idle'])
})

function follow(store: Parameters<typeof tellStatus>[0]['store'], { everyMs }: { readonly everyMs: number }) {
  const lines: string[] = []
  const ending = new AbortController()
  onTestFinished(() => {
    ending.abort()
  })
  const notifier = { status: (text: string) => Promise.resolve(void lines.push(text)) }
  const over = tellStatus({ store, notifier, log: silentLog, signal: ending.signal, everyMs })
  return {
    lines,
    ended: () => {
      ending.abort()
      return over
    },
  }
}
