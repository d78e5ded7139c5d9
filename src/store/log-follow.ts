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
  readonly shared: Shared
}

/** What many who follow one file have of it together. */
export type Shared = {
  /** What somebody has just read, by its place: the others are mostly not far behind. */
  readonly chunks: Map<string, Promise<Chunk>>
  /** How many follow it. */
  readonly followers: () => number
}

/** What one read has brought. */
type Chunk = {
  readonly bytesRead: number
  readonly lines: readonly LogLine[]
  /** What follows the last newline. */
  readonly unfinished: Buffer
}

/** Rings when something may have changed, and for good when the follower is to leave. */
export type Bell = { readonly hasEnded: boolean; next(): Promise<void> }

/** The lines of the file at `path` from byte `offset` on, as they come. An offset inside a line means the line after it. */
export async function* followLines({
  path,
  offset,
  isOver,
  bell,
  shared,
}: FollowOptions): AsyncGenerator<LogLine, void, undefined> {
  let file: FileHandle | null = null
  try {
    let reader: Reader | null = null
    while (!bell.hasEnded) {
      // Asked before reading: what was written before the end is read before the end is believed.
      const wasOver = isOver()
      file ??= await openIfThere(path)
      if (file !== null) {
        reader ??= createReader(Math.min(offset, (await file.stat()).size), shared)
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

/** Small, for there may be hundreds who follow. A chunk goes to the next multiple of it at most, so that all who read find the same ones. */
const chunkLength = 16 * 1024
/** A log has no line as long as this; whatever else the file holds comes in pieces. */
const longestKept = 1024 * 1024
/** How many chunks of one file are kept for who comes after: some for each who follows it, and a megabyte at most. */
const sharedForEach = 4
const mostShared = 64

type Reader = {
  /** Every whole line that is there now and was not told yet. */
  lines(file: FileHandle, bell: Bell): AsyncGenerator<LogLine, void, undefined>
  /** What follows the last newline. */
  rest(): readonly LogLine[]
}

function createReader(offset: number, { chunks, followers }: Shared): Reader {
  // One byte early: if that is a newline, the offset is the start of a line; if not, the line it is in is skipped.
  let position = Math.max(0, offset - 1)
  let isSkipping = offset > 0
  let unfinished: Buffer = Buffer.alloc(0)
  return {
    async *lines(file, bell) {
      while (!bell.hasEnded) {
        const chunk = isSkipping ? await read(file) : await readShared(file)
        if (chunk.bytesRead === 0) return
        position += chunk.bytesRead
        unfinished = chunk.unfinished
        yield* chunk.lines
      }
    },
    rest: () => (unfinished.length === 0 || isSkipping ? [] : [parseLine(unfinished, position)]),
  }

  /** Reads it once for all who are at the same byte of the same line. */
  async function readShared(file: FileHandle): Promise<Chunk> {
    const place = `${position} ${unfinished.length}`
    const early = chunks.get(place)
    const known = early === undefined ? null : await early
    if (known !== null && known.bytesRead > 0) return known
    // Nothing was there when another looked; now there may be. Who looks next, be it in the same turn, finds this reading.
    const late = chunks.get(place)
    if (late !== undefined && late !== early) return late
    const reading = read(file)
    chunks.set(place, reading)
    const forget = () => {
      if (chunks.get(place) === reading) chunks.delete(place)
    }
    const chunk = await reading.catch((error: unknown) => {
      forget()
      throw error
    })
    if (chunk.bytesRead === 0) forget()
    const most = Math.min(mostShared, sharedForEach * followers())
    for (const oldest of chunks.keys()) if (chunks.size > most) chunks.delete(oldest)
    return chunk
  }

  async function read(file: FileHandle): Promise<Chunk> {
    const room = Buffer.allocUnsafe(chunkLength - (position % chunkLength))
    const { bytesRead } = await file.read(room, 0, room.length, position)
    return { bytesRead, ...split(room.subarray(0, bytesRead), position + bytesRead) }
  }

  function split(chunk: Buffer, end: number): Omit<Chunk, 'bytesRead'> {
    const bytes = unfinished.length === 0 ? chunk : Buffer.concat([unfinished, chunk])
    const base = end - bytes.length
    const lines: LogLine[] = []
    let from = 0
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, from)) {
      if (!isSkipping) lines.push(parseLine(bytes.subarray(from, at), base + at + 1))
      isSkipping = false
      from = at + 1
    }
    const rest = isSkipping ? Buffer.alloc(0) : Buffer.from(bytes.subarray(from))
    if (rest.length <= longestKept) return { lines, unfinished: rest }
    return { lines: [...lines, parseLine(rest, end)], unfinished: Buffer.alloc(0) }
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
