/** How much of an answer is read at most. */
export const maxBodyBytes = 65_536

/** Whether the first 64 KiB hold `text`. Reads no more than it takes to know, and throws when that fails midway. */
export async function bodyHolds(body: AsyncIterable<Uint8Array>, text: string): Promise<boolean> {
  const wanted = Buffer.from(text)
  const read = Buffer.alloc(maxBodyBytes)
  let length = 0
  for await (const chunk of body) {
    const searchFrom = Math.max(0, length - wanted.length + 1)
    length += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).copy(read, length)
    if (read.subarray(searchFrom, length).includes(wanted)) return true
    if (length === maxBodyBytes) return false
  }
  return false
}
