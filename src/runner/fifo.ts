import { closeSync, constants, fstatSync, openSync, readSync, unlinkSync } from 'node:fs'
import { Socket } from 'node:net'
import { errorCode } from '../lib/error-code.ts'
import type { FileId } from './kin.ts'

/**
 * One pipe for stdout and stderr of a command, so that their order is kept. It is a FIFO because what Node calls a pipe
 * is a socket pair, and a socket cannot be opened again: `echo x > /dev/stdout` fails in it.
 */
export type Fifo = {
  /** By which a process that holds it open is known. */
  readonly id: FileId
  /** For the child as stdout and as stderr; blocking, as programs expect it. */
  readonly writeEnd: number
  /** Once the child has it: the end of the output can only be seen when nobody here could write. */
  closeWriteEnd(): void
  /** Hands everything that arrives to `onChunk`, one chunk at a time. */
  read(onChunk: OnChunk): Reading
  close(): void
}

/** The chunk's memory is used again for the next one: what is to be kept has to be copied. */
export type OnChunk = (chunk: Buffer) => Promise<void> | void

export type Reading = {
  /** Rejects with what `onChunk` threw, else never settles. Nothing is read after that. */
  readonly failed: Promise<never>
  /**
   * Hands over what was written until now and stops, even if somebody still holds the pipe open and keeps writing.
   * Throws what `onChunk` threw.
   */
  finish(): Promise<void>
  /** Stops once what has been read is handed over; the rest stays in the pipe, for whoever reads on. */
  leave(): Promise<void>
}

/** Opens both ends of the FIFO at `path` and takes its name away: only who holds it can reach it from then on. */
export function openFifo(path: string): Fifo {
  const fifo = openNamedFifo(path)
  try {
    unlinkSync(path)
    return fifo
  } catch (error) {
    fifo.close()
    throw error
  }
}

/** Opens both ends of the FIFO at `path`, where others can open it, too. */
export function openNamedFifo(path: string): Fifo {
  const opened = new Set<number>()
  const open = (flags: number) => {
    const fd = openSync(path, flags)
    opened.add(fd)
    return fd
  }
  const close = (fd: number) => {
    if (opened.delete(fd)) closeSync(fd)
  }
  const closeAll = () => {
    opened.forEach(close)
  }

  try {
    // Two readers of the same pipe: the first is the socket's to close, the second is for what is left at the end.
    const live = open(constants.O_RDONLY | constants.O_NONBLOCK)
    const rest = open(constants.O_RDONLY | constants.O_NONBLOCK)
    const writeEnd = open(constants.O_WRONLY)
    const { dev: device, ino: inode } = fstatSync(writeEnd)
    let stopReading: () => void = () => undefined
    return {
      id: { device, inode },
      writeEnd,
      closeWriteEnd: () => {
        close(writeEnd)
      },
      read: (onChunk) => {
        opened.delete(live)
        const reading = readAll({ live, rest }, onChunk)
        stopReading = reading.close
        return reading
      },
      close: () => {
        stopReading()
        closeAll()
      },
    }
  } catch (error) {
    closeAll()
    throw error
  }
}

const chunkBytes = 64 * 1024

/** The most that a pipe can be made to hold without privileges: /proc/sys/fs/pipe-max-size, see pipe(7). */
const mostInPipeBytes = 1024 * 1024

function readAll(
  ends: { readonly live: number; readonly rest: number },
  onChunk: OnChunk,
): Reading & { readonly close: () => void } {
  const failed = Promise.withResolvers<never>()
  let failure: Error | null = null
  let inHand = Promise.resolve()
  let finishing = false

  // With a buffer of its own the socket reads nothing ahead, so that what is not in hand is still in the pipe.
  const onread = {
    buffer: Buffer.allocUnsafe(chunkBytes),
    callback(length: number, buffer: Uint8Array) {
      inHand = handOver(Buffer.from(buffer.buffer, buffer.byteOffset, length))
      return false // until it is handed over
    },
  }
  const socket = new Socket({ fd: ends.live, readable: true, writable: false, onread })
  socket.on('error', fail)

  return { failed: failed.promise, finish, leave, close: () => void socket.destroy() }

  async function handOver(chunk: Buffer): Promise<void> {
    try {
      await onChunk(chunk)
    } catch (error) {
      fail(error instanceof Error ? error : new Error('the output could not be taken in', { cause: error }))
      return
    }
    if (!finishing) socket.resume()
  }

  function fail(error: Error): void {
    failure ??= error
    failed.reject(failure)
  }

  async function leave(): Promise<void> {
    finishing = true
    await inHand
    socket.destroy()
  }

  async function finish(): Promise<void> {
    await leave()
    // What was written before now is all in the pipe: it ends where the pipe is empty, or full of what came later.
    for (let left = mostInPipeBytes; left > 0 && failure === null;) {
      const chunk = readNow(ends.rest)
      if (chunk === null) break
      left -= chunk.length
      await handOver(chunk)
    }
    if (failure !== null) throw failure
  }
}

/** What the pipe holds at this moment, or null when it is empty or ended. */
function readNow(fd: number): Buffer | null {
  const buffer = Buffer.allocUnsafe(chunkBytes)
  try {
    const length = readSync(fd, buffer)
    return length === 0 ? null : buffer.subarray(0, length)
  } catch (error) {
    if (errorCode(error) === 'EAGAIN') return null
    throw error
  }
}
