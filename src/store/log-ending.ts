import type { Mask, MaskStream } from '../lib/masker.ts'
import { createPace } from '../lib/pace.ts'
import { longestLine, newline, stampLength, type Stamper } from './log-lines.ts'
import type { Piece, Taken } from './log-tail.ts'

export type ReadEnding = {
  /** About so many bytes of the file are wanted. */
  readonly limit: number
  readonly mask: Mask
  /** Of what came before, as it was when the tail began: both go on from there. */
  readonly streams: Map<number, MaskStream>
  readonly stamper: Stamper
}

export type Ending = {
  /** What finishes the line before a gap. */
  readonly seam: Buffer
  /** Bytes that went before `lines`, 0 when nothing is missing. */
  readonly leftOut: number
  readonly lines: Buffer
}

/**
 * Masks and stamps what a tail has kept. No part of a secret is in it: what may be the rest of one whose beginning is
 * gone is left out too.
 */
export async function readEnding({ pieces, dropped, torn, ended }: Taken, options: ReadEnding): Promise<Ending> {
  const { limit, mask, streams, stamper } = options
  const beginning = beginningOf(pieces, limit)
  const isWhole = dropped === 0 && beginning === 0
  const seam = isWhole ? Buffer.alloc(0) : stamper.finish()
  const unsure = new Map([...torn].map((step) => [step, unsureLength(mask)] as const))
  const lines: Buffer[] = []
  const pace = createPace()
  let position = 0
  let leftOut = dropped

  for (const step of [...torn, ...ended]) if (step !== null) streams.delete(step)
  for (const { step, at, bytes } of pieces) {
    const hidden = Math.max(Math.min(bytes.length, beginning - position), unsureOf(step, bytes))
    const stream = step === null ? unmasked : streamOf(step)
    stream.push(bytes.subarray(0, hidden))
    show(step, stream.push(bytes.subarray(hidden)), at)
    position += bytes.length
    leftOut += Math.max(0, hidden)
    if (bytes.length === 0 && step !== null) endStep(step, at)
    await pace()
  }
  return { seam, leftOut, lines: Buffer.concat(lines) }

  function show(step: number | null, masked: Buffer, at: Date): void {
    if (masked.length > 0) lines.push(Buffer.from(stamper.stamp(step, masked, at)))
  }

  function endStep(step: number, at: Date): void {
    const held = streamOf(step).end()
    streams.delete(step)
    unsure.delete(step)
    if (!isWhole && position <= beginning) return
    show(step, held, at)
    lines.push(stamper.finish())
  }

  function streamOf(step: number): MaskStream {
    const stream = streams.get(step) ?? mask.stream()
    streams.set(step, stream)
    return stream
  }

  /** How much at the beginning of a piece may belong to a secret that began before all that was kept of its step. */
  function unsureOf(step: number | null, bytes: Buffer): number {
    const left = unsure.get(step) ?? 0
    if (left === 0) return 0
    unsure.set(step, Math.max(0, left - bytes.length))
    if (left >= bytes.length) return bytes.length
    return bytes.indexOf(newline, left) + 1 || left
  }
}

/** The daemon's own lines are masked when they come. */
const unmasked = { push: (bytes: Buffer) => bytes }

/**
 * Twice the longest form: the first half may be the rest of a secret, and what the mask holds back of the second, to see
 * whether it becomes one, began behind the first.
 */
export function unsureLength({ longest }: Mask): number {
  return 2 * longest
}

/** Where the last lines begin that fit into `limit` with their stamps, in bytes of the pieces; inside a very long line if need be. */
function beginningOf(pieces: readonly Piece[], limit: number): number {
  const total = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)
  let position = total
  let fits = { from: total, length: 0 }
  let stamps = 0
  for (const { step, bytes } of pieces.toReversed()) {
    position -= bytes.length
    for (let at = lastNewline(bytes, bytes.length); at >= 0; at = lastNewline(bytes, at)) {
      const from = position + at + 1
      if (from < total) stamps += stampLength(step)
      const length = total - from + stamps
      if (length > limit) return roomier(fits, limit)
      fits = { from, length }
    }
  }
  return total + stamps + stampLength(pieces[0]?.step ?? null) <= limit ? 0 : roomier(fits, limit)
}

function lastNewline(bytes: Buffer, before: number): number {
  return before === 0 ? -1 : bytes.lastIndexOf(newline, before - 1)
}

/** The line before is too long for the room. One so long is broken anyway, and of the very last one some is better than none. */
function roomier({ from, length }: { readonly from: number; readonly length: number }, limit: number): number {
  const room = limit - length
  return length === 0 || room > longestLine ? Math.max(0, from - room) : from
}
