import { newline } from './log-lines.ts'

/** The last lines of an output that is too long to keep: whole lines, at most `limit` bytes, whatever goes in. */
export type Tail = {
  add(bytes: Buffer): void
  /** The lines, and how many bytes went before them. */
  take(): { readonly lines: Buffer; readonly leftOut: number }
}

const nothing = Buffer.alloc(0)

export function createTail(limit: number): Tail {
  let kept: Buffer[] = []
  let first = 0
  let length = 0
  let leftOut = 0
  return {
    add(bytes) {
      kept.push(bytes)
      length += bytes.length
      for (let oldest = kept[first]; oldest !== undefined && length - oldest.length >= limit; oldest = kept[first]) {
        length -= oldest.length
        leftOut += oldest.length
        kept[first++] = nothing
      }
      // Now and then, so that dropping is cheap however small the pieces are.
      if (first > 1000 && first * 2 > kept.length) {
        kept = kept.slice(first)
        first = 0
      }
    },
    take() {
      const all = Buffer.concat(kept.slice(first))
      const isWhole = leftOut === 0 && all.length <= limit
      const cut = isWhole ? 0 : all.indexOf(newline, Math.max(0, all.length - limit - 1)) + 1
      const lines = all.subarray(cut)
      return { lines, leftOut: leftOut + cut }
    },
  }
}
