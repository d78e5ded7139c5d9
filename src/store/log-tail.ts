/** Something that a step wrote at a time, as it came; without bytes: the step has ended. `null`: the daemon's own. */
export type Piece = { readonly step: number | null; readonly at: Date; readonly bytes: Buffer }

/** The last of an output that is too long to keep, unread: most of what goes in is thrown away again. */
export type Tail = {
  /** Copies what it keeps. */
  add(piece: Piece): void
  take(): Taken
}

export type Taken = {
  readonly pieces: readonly Piece[]
  /** How many bytes went before them. */
  readonly dropped: number
  /** Steps that lost bytes and have not ended before the first piece. */
  readonly torn: ReadonlySet<number | null>
  /** Steps whose end is dropped. */
  readonly ended: ReadonlySet<number | null>
}

/**
 * A ring of pieces, oldest out: however much goes in, it takes its room once, and none before the first byte. Each lies
 * in it behind a head of its time, step and length, so that many small ones take little more room than their bytes.
 */
export function createTail(size: number): Tail {
  const head = Buffer.alloc(headLength)
  const torn = new Set<number | null>()
  const ended = new Set<number | null>()
  let ring = Buffer.alloc(0)
  let start = 0
  let length = 0
  let dropped = 0
  return {
    add({ step, at, bytes }) {
      const last = bytes.subarray(-(size - headLength))
      if (ring.length === 0) ring = Buffer.allocUnsafe(size)
      while (size - length < headLength + last.length) dropFirst()
      lose(step, bytes.length - last.length)
      head.writeDoubleLE(at.getTime(), 0)
      head.writeInt32LE(step ?? noStep, 8)
      head.writeUInt32LE(last.length, 12)
      put(head)
      put(last)
    },
    take() {
      const whole = Buffer.concat([ring.subarray(start), ring.subarray(0, start)]).subarray(0, length)
      return { pieces: piecesOf(whole), dropped, torn, ended }
    },
  }

  function put(bytes: Buffer): void {
    const end = (start + length) % size
    const fits = bytes.copy(ring, end)
    bytes.copy(ring, 0, fits)
    length += bytes.length
  }

  function dropFirst(): void {
    const fits = ring.copy(head, 0, start, start + headLength)
    ring.copy(head, fits, 0, headLength - fits)
    const piece = headOf(head)
    start = (start + headLength + piece.length) % size
    length -= headLength + piece.length
    lose(piece.step, piece.length)
    if (piece.length > 0) return
    torn.delete(piece.step)
    ended.add(piece.step)
  }

  function lose(step: number | null, bytes: number): void {
    dropped += bytes
    if (bytes > 0) torn.add(step)
  }
}

const headLength = 16
const noStep = -1

function piecesOf(bytes: Buffer): readonly Piece[] {
  const pieces: Piece[] = []
  for (let from = 0; from < bytes.length;) {
    const { at, step, length } = headOf(bytes.subarray(from))
    from += headLength
    pieces.push({ step, at, bytes: bytes.subarray(from, from + length) })
    from += length
  }
  return pieces
}

function headOf(bytes: Buffer): { readonly at: Date; readonly step: number | null; readonly length: number } {
  const step = bytes.readInt32LE(8)
  return { at: new Date(bytes.readDoubleLE(0)), step: step === noStep ? null : step, length: bytes.readUInt32LE(12) }
}
