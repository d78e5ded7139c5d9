import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { askThread, ownBytes } from '../../src/lib/thread.ts'

it('answers what its thread answers', async () => {
  const from = await directoryWith(`answerTask((await threadTask()) * 2)`)

  expect(await askThread('asked', { from, task: 21, otherwise: () => 0 })).toBe(42)
})

it.each([
  ['throws', `throw new Error('out of order')`, 'out of order'],
  ['ends', `process.exit(0)`, 'the thread asked ended without an answer'],
  ['waits for nothing', `await new Promise(() => undefined)`, 'the thread asked ended without an answer'],
])('rejects when its thread %s, whether it has begun its task or not', async (_how, text, message) => {
  const begun = await directoryWith(`await threadTask()\n${text}`)
  const unbegun = await directoryWith(text)

  await expect(askThread('asked', { from: begun, task: null, otherwise: () => 0 })).rejects.toThrow(message)
  await expect(askThread('asked', { from: unbegun, task: null })).rejects.toThrow(message)
})

it('answers otherwise when its thread cannot begin, with what would have been given to it', async () => {
  const from = await directoryWith(`import './gone.js'`)
  const { buffer } = ownBytes(Buffer.from('mine'))

  const answer = await askThread('asked', {
    ...{ from, task: buffer, given: [buffer] },
    otherwise: () => Buffer.from(buffer).toString(),
  })
  expect(answer).toBe('mine')
})

it('copies bytes only where others share their memory', () => {
  const alone = Buffer.from(new ArrayBuffer(8))
  const shared = Buffer.concat([Buffer.from('before'), Buffer.from('mine')]).subarray(6)

  expect(ownBytes(alone).buffer).toBe(alone.buffer)
  expect(ownBytes(shared).buffer.byteLength).toBe(4)
  expect(ownBytes(shared).toString()).toBe('mine')
})

/** Answers the URL of a module beside the thread's. */
async function directoryWith(thread: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'deployhook-thread-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const helpers = new URL('../../src/lib/thread.ts', import.meta.url).href
  await writeFile(join(directory, 'asked.js'), `import { answerTask, threadTask } from '${helpers}'\n${thread}`)
  await writeFile(join(directory, 'package.json'), '{"type":"module"}')
  return pathToFileURL(join(directory, 'asking.js')).href
}
