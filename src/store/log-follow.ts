import { open, type FileHandle } from 'node:fs/promises'
import { errorCode } from '../lib/error-code.ts'
import { newline, parseLine } from './log-lines.ts'
import type { LogLine } from './store.ts'

export type FollowOptions = {
  readonly path: string
  readonly offset: number
  /** Whether nothing more will be written. */
  readonly isOver: () => boolean
  readonly bell: Bell
}

/** Rings when something may have changed, and for good when the follower is to leave. */
export type Bell = { readonly hasEnded: boolean; next(): Promise<void> }

/** The lines of the file at `path` from byte `offset` on, as they come. An offset inside a line means the line after it. */
export async function* followLines({
  path,
  offset,
  isOver,
  bell,
}: FollowOptions): AsyncGenerator<LogLine, void, undefined> {
  let file: FileHandle | null = null
  try {
    let reader: Reader | null = null
    while (!bell.hasEnded) {
      // Asked before reading: what was written before the end is read before the end is believed.
      const wasOver = isOver()
      file ??= await openIfThere(path)
      if (file !== null) {
        reader ??= createReader(Math.min(offset, (await file.stat()).size))
        yield* reader.lines(file, bell)
      }
      if (wasOver) {
        yield* reader?.rest() ?? []
        return
      }
      await bell.next()
    }
  } finally {
    await file?.close()
  }
}

/** Small, for there may be hundreds who follow. */
const chunkLength = 16 * 1024
/** A log has no line as long as this; whatever else the file holds comes in pieces. */
const longestKept = 1024 * 1024

type Reader = {
  /** Every whole line that is there now and was not told yet. */
  lines(file: FileHandle, bell: Bell): AsyncGenerator<LogLine, void, undefined>
  /** What follows the last newline. */
  rest(): readonly LogLine[]
}

function createReader(offset: number): Reader {
  // One byte early: if that is a newline, the offset is the start of a line; if not, the line it is in is skipped.
  let position = Math.max(0, offset - 1)
  let isSkipping = offset > 0
  let unfinished = Buffer.alloc(0)
  // The same for every read: all lines of one are told before the next.
  const room = Buffer.allocUnsafe(chunkLength)
  return {
    async *lines(file, bell) {
      while (!bell.hasEnded) {
        const { bytesRead } = await file.read(room, 0, chunkLength, position)
        if (bytesRead === 0) return
        position += bytesRead
        yield* split(room.subarray(0, bytesRead))
      }
    },
    rest: () => (unfinished.length === 0 || isSkipping ? [] : [parseLine(unfinished, position)]),
  }

  function* split(chunk: Buffer): Generator<LogLine, void, undefined> {
    const bytes = unfinished.length === 0 ? chunk : Buffer.concat([unfinished, chunk])
    const base = position - bytes.length
    let from = 0
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, from)) {
      if (!isSkipping) yield parseLine(bytes.subarray(from, end), base + end + 1)
      isSkipping = false
      from = end + 1
    }
    unfinished = isSkipping ? Buffer.alloc(0) : Buffer.from(bytes.subarray(from))
    if (unfinished.length <= longestKept) return
    yield parseLine(unfinished, position)
    unfinished = Buffer.alloc(0)
  }
}

export async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}
