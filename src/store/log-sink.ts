import { constants } from 'node:fs'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import type { Log } from '../lib/log.ts'
import type { Mask, MaskStream } from '../lib/masker.ts'
import { createStamper, newline } from './log-lines.ts'
import { createTail } from './log-tail.ts'
import type { LogSink } from './store.ts'

export type SinkOptions = {
  readonly path: string
  readonly mask: Mask
  readonly now: () => Date
  readonly log: Log
  /** Bytes from the beginning that are kept, and of what comes after them, bytes from the end. */
  readonly limits: { readonly head: number; readonly tail: number }
  /** Told after every write, and once more when the sink is closed. */
  readonly onWritten: () => void
}

/**
 * Appends to the log file at `path`, one write after the other. The file is for people: when it cannot be written (a
 * full disk), the deployment goes on, the log says later what is missing, and the daemon's log says so at once.
 */
export function createSink({ path, mask, now, log, limits, onWritten }: SinkOptions): LogSink {
  const stamper = createStamper()
  const tail = createTail(limits.tail)
  const streams = new Map<number, MaskStream>()
  const file = createLogFile(path, { now, log })
  let headLength = 0
  let isHeadFull = false
  let last = Promise.resolve()

  return {
    output: (step, chunk) =>
      inTurn(async () => {
        // In pieces, so that one huge chunk needs no huge buffers of ours.
        for (let at = 0; at < chunk.length; at += pieceLength) {
          await put(step, streamOf(step).push(chunk.subarray(at, at + pieceLength)))
        }
      }),
    endStep: (step) =>
      inTurn(async () => {
        const held = streams.get(step)?.end()
        streams.delete(step)
        if (held !== undefined) await put(step, held)
        await append(stamper.finish())
      }),
    async putAside(step) {
      let aside: Buffer | null = null
      await inTurn(() => {
        aside = streams.get(step)?.putAside() ?? null
        streams.delete(step)
        return Promise.resolve()
      })
      return aside
    },
    takeUp: (step, aside) =>
      inTurn(() => {
        streams.set(step, mask.stream(aside))
        return Promise.resolve()
      }),
    note: (text) => inTurn(() => put(null, Buffer.from(`${mask.text(text)}\n`))),
    close: () =>
      inTurn(async () => {
        for (const [step, stream] of streams) await put(step, stream.end())
        streams.clear()
        await append(stamper.finish())
        await appendTail()
        await file.close()
      }),
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    last = last.then(work).then(onWritten)
    return last
  }

  function streamOf(step: number): MaskStream {
    const stream = streams.get(step) ?? mask.stream()
    streams.set(step, stream)
    return stream
  }

  async function put(step: number | null, bytes: Buffer): Promise<void> {
    if (bytes.length > 0) await append(stamper.stamp(step, bytes, now()))
  }

  /** Into the file up to the end of the line that fills it, then into memory. */
  async function append(stamped: Buffer): Promise<void> {
    if (stamped.length === 0) return
    if (isHeadFull) {
      tail.add(stamped)
      return
    }
    const fits = limits.head - headLength
    const end = stamped.length <= fits ? 0 : stamped.indexOf(newline, Math.max(0, fits)) + 1
    if (end > 0) {
      isHeadFull = true
      tail.add(stamped.subarray(end))
    }
    const head = end > 0 ? stamped.subarray(0, end) : stamped
    headLength += head.length
    await file.append(head)
  }

  async function appendTail(): Promise<void> {
    const { lines, leftOut } = tail.take()
    if (leftOut > 0) await file.append(ownLine(now(), `… ${leftOut} bytes of output left out …`))
    await file.append(lines)
  }
}

const pieceLength = 64 * 1024

function ownLine(at: Date, text: string): Buffer {
  return createStamper().stamp(null, Buffer.from(`${text}\n`), at)
}

type LogFile = { append(bytes: Buffer): Promise<void>; close(): Promise<void> }

/** A file that is opened at its first byte, and where a failed write is remembered instead of thrown. */
function createLogFile(path: string, { now, log }: Pick<SinkOptions, 'now' | 'log'>): LogFile {
  let handle: FileHandle | null = null
  let lost = 0
  let isMidLine = false

  return {
    async append(bytes) {
      if (bytes.length === 0) return
      try {
        handle ??= await openToAppend()
        const missing = lost > 0 ? ownLine(now(), `… ${lost} bytes of output could not be written …`) : nothing
        const whole = lost > 0 ? Buffer.concat([isMidLine ? Buffer.from('\n') : nothing, missing, bytes]) : bytes
        await writeAll(handle, whole)
        lost = 0
        isMidLine = whole.at(-1) !== newline
      } catch (error) {
        if (lost === 0) log.warn({ path, err: error }, 'a deployment log could not be written; the deployment goes on')
        lost += bytes.length
        isMidLine = true
      }
    },
    async close() {
      const closing = handle
      handle = null
      try {
        await closing?.datasync()
      } catch (error) {
        log.warn({ path, err: error }, 'a deployment log could not be synced')
      }
      await closing?.close().catch((error: unknown) => {
        log.warn({ path, err: error }, 'a deployment log could not be closed')
      })
    },
  }

  async function openToAppend(): Promise<FileHandle> {
    const opened = await openFile().catch(async (error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error
      await makeDirectory()
      return openFile()
    })
    const { size } = await opened.stat()
    // The daemon died in the middle of a line.
    if (size > 0 && (await byteAt(opened, size - 1)) !== newline) await opened.write('\n')
    return opened
  }

  /** Somebody has removed it. Its parent is the state directory, which is never made anew. */
  async function makeDirectory(): Promise<void> {
    try {
      await mkdir(dirname(path), { mode: 0o700 })
      log.warn({ path: dirname(path) }, 'the directory of the logs was gone, with the logs in it; it is made again')
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error // by the log of another deployment
    }
  }

  function openFile(): Promise<FileHandle> {
    return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600)
  }
}

const nothing = Buffer.alloc(0)

async function byteAt(file: FileHandle, position: number): Promise<number | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, position)
  return bytesRead === 1 ? buffer[0] : undefined
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at)
    at += bytesWritten
  }
}
