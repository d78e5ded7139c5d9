import { constants, type Stats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { errorCode } from '../lib/error-code.ts'

/** A file's bytes and what `fstat` says of that very file, or why it cannot be read (a sentence with the cure). */
export type FileRead =
  | { readonly kind: 'read'; readonly bytes: Buffer; readonly stats: Stats }
  | { readonly kind: 'unreadable'; readonly problem: string }

/**
 * Reads a regular file of at most `maxBytes`. A FIFO, a device or an endless file is an answer, not a wait: the file is
 * opened without blocking, and looked at by its descriptor so that it cannot be exchanged in between.
 */
export async function readRegularFile(file: string, { maxBytes }: { readonly maxBytes: number }): Promise<FileRead> {
  if (file.includes('\0')) return unreadable('has a NUL character in its name')
  let handle: FileHandle | null = null
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    const stats = await handle.stat()
    if (!stats.isFile()) return unreadable(`is ${kindOf(stats)}, not a file`)
    const bytes = await readAtMost(handle, maxBytes + 1)
    if (bytes.length > maxBytes) return unreadable(`is larger than ${sizeText(maxBytes)}, which is the limit`)
    return { kind: 'read', bytes, stats }
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    return unreadable(sentences[code] ?? `cannot be read (${code})`)
  } finally {
    await handle?.close()
  }
}

const sentences: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: a part of its path is a file, not a directory',
  EACCES: 'may not be read by this user: check its owner and mode, and those of the directories above it',
  EPERM: 'may not be read by this user: check its owner and mode',
  ELOOP: 'is a symbolic link that leads round in a circle',
  ENXIO: 'is a socket or a device, not a file',
  ENAMETOOLONG: 'has too long a name',
  EIO: 'cannot be read: the disk reports an error',
}

function unreadable(problem: string): FileRead {
  return { kind: 'unreadable', problem }
}

async function readAtMost(handle: FileHandle, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  while (length < limit) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(65_536, limit - length)))
    if (bytesRead === 0) break
    chunks.push(buffer.subarray(0, bytesRead))
    length += bytesRead
  }
  return Buffer.concat(chunks)
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory'
  if (stats.isFIFO()) return 'a named pipe'
  if (stats.isSocket()) return 'a socket'
  return 'a device'
}

function sizeText(bytes: number): string {
  return bytes >= 1_048_576 ? `${bytes / 1_048_576} MiB` : `${bytes / 1_024} KiB`
}
