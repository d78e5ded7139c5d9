import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'

/** Reads what `current` leads to until it is told to stop, and tells of everything that it has seen. */
const { current, stop } = workerData as { readonly current: string; readonly stop: Int32Array }
const seen = new Set<string>()
let reads = 0
parentPort?.postMessage('reading')
while (Atomics.load(stop, 0) === 0) {
  seen.add(look())
  reads++
}
parentPort?.postMessage({ reads, seen: [...seen] })

/** Through the link once, as a server does that opens its root for each request. */
function look(): string {
  try {
    const release = join(current, '..', readlinkSync(current))
    const texts = new Set(['first', 'second'].map((name) => readFileSync(join(release, name), 'utf8')))
    const throughLink = readFileSync(join(current, 'first'), 'utf8')
    return texts.size === 1 && ['one', 'two'].includes(throughLink)
      ? [...texts].join()
      : `a mixture: ${[...texts].join('+')}`
  } catch (error) {
    return String(error)
  }
}
