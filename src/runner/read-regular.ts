import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/**
 * The text of a file that a step may have replaced: by a pipe, which would never end, by a link to elsewhere, by
 * gigabytes. Then, and when there is none, ''; at most the first `maxBytes`.
 */
export async function readRegular(file: string, maxBytes: number): Promise<string> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => null)
  if (handle === null) return ''
  try {
    const found = await handle.stat()
    if (!found.isFile()) return ''
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(Math.min(found.size, maxBytes)) })
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await handle.close()
  }
}
