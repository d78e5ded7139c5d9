import { constants } from 'node:fs'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import type { Log } from '../lib/log.ts'
import type { Mask, MaskStream } from '../lib/masker.ts'
import { readEnding, unsureLength } from './log-ending.ts'
import { createStamper, longestLine, newline } from './log-lines.ts'
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
 *
 * What comes when the head is full is kept as it came, and masked at the end: nearly all of it is never shown.
 */
export function createSink({ path, mask, now, log, limits, onWritten }: SinkOptions): LogSink {
  const stamper = createStamper()
  const openTail = () => createTail(limits.tail + longestLine + unsureLength(mask))
  const streams = new Map<number, MaskStream>()
  const file = createLogFile(path, { now, log })
  let tail = openTail()
  let headLength = 0
  let isHeadFull = false
  let last = Promise.resolve()

  return {
    output: (step, chunk) =>
      inTurn(async () => {
        // In pieces, so that one huge chunk needs no huge buffers of ours.
        for (let at = 0; at < chunk.length;) {
          const piece = nextPiece(chunk.subarray(at, at + pieceLength))
          at += piece.length
          if (isHeadFull) tail.add({ step, at: now(), bytes: piece })
          else await put(step, streamOf(step).push(piece), { endsLine: piece.at(-1) === newline })
        }
      }),
    endStep: (step) =>
      inTurn(async () => {
        if (isHeadFull) {
          tail.add({ step, at: now(), bytes: nothing })
          return
        }
        const held = streams.get(step)?.end()
        streams.delete(step)
        if (held !== undefined) await put(step, held)
        await append(stamper.finish())
      }),
    async putAside(step) {
      let aside: Buffer | null = null
      await inTurn(async () => {
        if (isHeadFull) await appendTail()
        aside = streams.get(step)?.putAside() ?? null
        streams.delete(step)
      })
      return aside
    },
    takeUp: (step, aside) =>
      inTurn(() => {
        streams.set(step, mask.stream(aside))
        return Promise.resolve()
      }),
    note: (text) =>
      inTurn(async () => {
        const bytes = Buffer.from(`${mask.text(text)}\n`)
        if (isHeadFull) tail.add({ step: null, at: now(), bytes })
        else await put(null, bytes, { endsLine: true })
      }),
    close: () =>
      inTurn(async () => {
        if (isHeadFull) await appendTail()
        for (const [step, stream] of streams) await put(step, stream.end())
        streams.clear()
        await append(stamper.finish())
        await file.close()
      }),
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    last = last.then(work).then(onWritten)
    return last
  }

  /** Small ones where the head is nearly full, then up to the end of the line that fills it. */
  function nextPiece(bytes: Buffer): Buffer {
    if (isHeadFull) return bytes
    const room = limits.head - headLength
    if (room > 0) return bytes.subarray(0, Math.max(Math.floor(room / 32), 512))
    return bytes.subarray(0, bytes.indexOf(newline) + 1 || longestLine + room)
  }

  function streamOf(step: number): MaskStream {
    const stream = streams.get(step) ?? mask.stream()
    streams.set(step, stream)
    return stream
  }

  async function put(step: number | null, bytes: Buffer, { endsLine } = { endsLine: false }): Promise<void> {
    if (bytes.length > 0) await append(stamper.stamp(step, bytes, now()))
    isHeadFull ||= headLength >= limits.head + (endsLine ? 0 : longestLine)
  }

  async function append(stamped: Buffer): Promise<void> {
    headLength += stamped.length
    await file.append(stamped)
  }

  async function appendTail(): Promise<void> {
    const ending = await readEnding(tail.take(), { limit: limits.tail, mask, streams, stamper })
    const gap = ending.leftOut > 0 ? ownLine(now(), `… ${ending.leftOut} bytes of output left out …`) : nothing
    await file.append(Buffer.concat([ending.seam, gap, ending.lines]))
    tail = openTail()
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
