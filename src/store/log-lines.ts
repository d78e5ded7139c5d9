import type { LogLine } from './store.ts'

// A line of a log file is `<ISO time> <step number, or - for the daemon's own> <text>\n`. The text is bytes as they came.

export const newline = 10
/** A longer line is broken into several. */
export const longestLine = 64 * 1024

/** Cuts bytes into stamped lines. It remembers an unfinished one: `isOpen`. */
export type Stamper = {
  readonly isOpen: boolean
  /** The same memory every time: what is to be kept longer than until the next call has to be copied. */
  stamp(step: number | null, bytes: Buffer, at: Date): Buffer
  /** What finishes the unfinished line, if there is one. */
  finish(): Buffer
}

export function createStamper(): Stamper {
  let room = Buffer.alloc(0)
  let open: { readonly step: number | null; length: number } | null = null
  return {
    get isOpen() {
      return open !== null
    },
    stamp(step, bytes, at) {
      const head = Buffer.from(`${at.toISOString()} ${step ?? '-'} `, 'latin1')
      const worst = worstLength(bytes, head)
      if (room.length < worst) room = Buffer.allocUnsafe(worst)
      const out = room
      let length = 0
      if (open !== null && open.step !== step) {
        out[length++] = newline
        open = null
      }
      for (let from = 0; from < bytes.length;) {
        if (open === null) {
          length += head.copy(out, length)
          open = { step, length: 0 }
        }
        const end = endOfPiece(bytes, from, longestLine - open.length)
        length += bytes.copy(out, length, from, end)
        open.length += end - from
        from = end
        if (from === bytes.length) break
        if (bytes[from] === newline) from++
        out[length++] = newline
        open = null
      }
      return out.subarray(0, length)
    },
    finish() {
      const wasOpen = open !== null
      open = null
      return wasOpen ? Buffer.from('\n') : Buffer.alloc(0)
    },
  }
}

/** Of what stands before the text of a line. */
export function stampLength(step: number | null): number {
  return '2026-01-02T03:04:05.678Z  '.length + String(step ?? '-').length
}

/** Room for a head and a newline at every newline and at every break, and for the newline before and the head after. */
function worstLength(bytes: Buffer, head: Buffer): number {
  let lines = 2 + Math.ceil(bytes.length / longestLine)
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines++
  return bytes.length + lines * (head.length + 1)
}

function endOfPiece(bytes: Buffer, from: number, room: number): number {
  const end = bytes.indexOf(newline, from)
  return Math.min(end < 0 ? bytes.length : end, from + room)
}

/** A line of the file as people see it: invalid UTF-8 as U+FFFD. One without a stamp (cut off by a crash) is all text. */
export function parseLine(line: Buffer, next: number): LogLine {
  const [, at, step, text] = /^(\d{4}-\S+Z) (\d+|-) (.*)$/s.exec(line.toString()) ?? []
  if (at === undefined || step === undefined || text === undefined)
    return { next, at: '', step: null, text: line.toString() }
  return { next, at, step: step === '-' ? null : Number(step), text }
}
