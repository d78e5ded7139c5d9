import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openFifo } from '../../src/runner/fifo.ts'
import { temporaryFolder } from './running.ts'

describe('the pipe of a command', () => {
  it('has no name any more once it is open', () => {
    const { path } = openedFifo()
    expect(existsSync(path)).toBe(false)
  })

  it('hands over what is in it and ends, even if somebody fills it again each time it is empty', async () => {
    const { fifo } = openedFifo()
    let bytes = 0
    const refill = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes < 64 * mebibyte) writeSync(fifo.writeEnd, Buffer.alloc(chunk.length))
    }
    writeSync(fifo.writeEnd, Buffer.alloc(65_536))
    await fifo.read(refill).finish()
    expect(bytes).toBeGreaterThanOrEqual(65_536)
    expect(bytes).toBeLessThan(2 * mebibyte)
  })

  it('hands over everything in it at the end, also what came while the last chunk was taken in', async () => {
    const { fifo } = openedFifo()
    const seen: string[] = []
    const reading = fifo.read((chunk) => {
      seen.push(chunk.toString())
      if (seen.length === 1) writeSync(fifo.writeEnd, 'second')
    })
    writeSync(fifo.writeEnd, 'first')
    await expect.poll(() => seen.length).toBeGreaterThan(0)
    await reading.finish()
    expect(seen.join(' ')).toBe('first second')
  })

  it('throws at the end what kept the output from being taken in, however it was thrown', async () => {
    const { fifo } = openedFifo()
    writeSync(fifo.writeEnd, 'lost')
    const reading = fifo.read(() => Promise.reject(new Error('disk full')))
    await expect(reading.failed).rejects.toThrow('disk full')
    await expect(reading.finish()).rejects.toThrow('disk full')
  })

  it('closes every descriptor it opened', async () => {
    const before = openSync('/dev/null', 'r')
    closeSync(before)
    const { fifo } = openedFifo()
    const reading = fifo.read(() => undefined)
    await reading.finish()
    fifo.closeWriteEnd()
    fifo.close()
    fifo.close()
    const after = openSync('/dev/null', 'r')
    closeSync(after)
    expect(after).toBe(before)
  })
})

const mebibyte = 1024 * 1024

function openedFifo() {
  const path = join(temporaryFolder(), 'output')
  execFileSync('mkfifo', [path])
  const fifo = openFifo(path)
  onTestFinished(() => {
    fifo.close()
  })
  return { fifo, path }
}
