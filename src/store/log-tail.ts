import { newline } from './log-lines.ts'

/** The last lines of an output that is too long to keep: whole lines, at most `limit` bytes, whatever goes in. */
export type Tail = {
  add(bytes: Buffer): void
  /** The lines, and how many bytes went before them. */
  take(): { readonly lines: Buffer; readonly leftOut: number }
}

/** A ring of bytes: however much goes in, it takes its room once, and none before the first byte. */
export function createTail(limit: number): Tail {
  // One more than may be kept, so that a line which starts right at the limit is known for one.
  const size = limit + 1
  let ring = Buffer.alloc(0)
  let total = 0
  return {
    add(bytes) {
      if (bytes.length === 0) return
      if (ring.length === 0) ring = Buffer.allocUnsafe(size)
      const last = bytes.subarray(-size)
      const start = (total + bytes.length - last.length) % size
      const fits = last.copy(ring, start)
      last.copy(ring, 0, fits)
      total += bytes.length
    },
    take() {
      const end = total % size
      const all = total <= size ? ring.subarray(0, total) : Buffer.concat([ring.subarray(end), ring.subarray(0, end)])
      const cut = total <= limit ? 0 : all.indexOf(newline, Math.max(0, all.length - limit - 1)) + 1
      const lines = all.subarray(cut)
      return { lines, leftOut: total - lines.length }
    },
  }
}
