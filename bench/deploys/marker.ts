import { execa } from 'execa'
import { once } from 'node:events'
import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'

/** Tells when a command has begun: it writes a word into a FIFO, by the shell itself and no other program. */
export type Marker = AsyncDisposable & {
  /** What the command is. */
  readonly command: string
  /** When it is run next, by `performance.now()`. */
  next(): Promise<number>
}

export async function openMarker(path: string): Promise<Marker> {
  await execa('mkfifo', [path])
  // Both ends, so that it never ends.
  const socket = new Socket({ fd: openSync(path, constants.O_RDWR), readable: true, writable: false })
  socket.resume()
  return {
    command: `echo begun > ${path}`,
    async next() {
      await once(socket, 'data', { signal: AbortSignal.timeout(60_000) })
      return performance.now()
    },
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close')
      socket.destroy()
      await closed
    },
  }
}
