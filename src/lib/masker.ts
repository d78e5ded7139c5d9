import type { Secret } from './secret.ts'

/** Replaces secrets in text and in streams of bytes. Made once for a set of secrets, used as often as needed. */
export type Mask = {
  text(text: string): string
  /** A new stream, or one that goes on where another was put aside; secrets are found across its chunks. */
  stream(aside?: Buffer): MaskStream
  /** The length of the longest text that is looked for, in bytes; 0: there is none. */
  readonly longest: number
}

export type MaskStream = {
  /**
   * The masked bytes that are certain by now; what may still become a secret waits (never more than the longest form).
   * They may lie in `chunk`, or in memory that the next push uses again.
   */
  push(chunk: Buffer): Buffer
  /** What waited: nothing comes after it. */
  end(): Buffer
  /** What waited, as it came, for the stream that goes on; null: nothing did. */
  putAside(): Buffer | null
}

/**
 * Masks every given secret as it is, percent-encoded, form-encoded, JSON-escaped and in base64 (both alphabets, with or
 * without padding, also in the middle of a longer text such as `user:secret`), and each line of a secret of several
 * lines. Overlapping finds become one `[secret]`.
 *
 * Limits: secrets shorter than 4 bytes are not masked, nor are lines and encoded forms shorter than 6 (they would
 * hide half of every log), nor other disguises: hex, reversed, compressed, split by colours or by wrapped base64.
 */
export function createMask(secrets: readonly Secret[]): Mask {
  const forms = secrets.flatMap((secret) => formsOf(secret.reveal()))
  const index = createIndex(new Set(forms))
  return {
    text(text) {
      const stream = createStream(index)
      return Buffer.concat([stream.push(Buffer.from(text)), stream.end()]).toString()
    },
    stream: (aside) => createStream(index, aside),
    longest: Math.max(0, ...forms.map((form) => Buffer.byteLength(form))),
  }
}

/** `text` with every secret masked; see `createMask` for what counts. */
export function maskText(secrets: readonly Secret[], text: string): string {
  return createMask(secrets).text(text)
}

const mark = Buffer.from('[secret]')
const shortestSecret = 4
const shortestForm = 6

/** Every text under which `secret` is looked for, in no order and perhaps twice. */
export function formsOf(secret: string): readonly string[] {
  if (Buffer.byteLength(secret) < shortestSecret) return []
  const whole = secret.toWellFormed()
  const percent = encodeURIComponent(whole)
  const form = new URLSearchParams([['', whole]]).toString().slice(1)
  const derived = [
    percent,
    percent.replaceAll('%20', '+'),
    form,
    form.replaceAll('+', '%20'),
    JSON.stringify(whole).slice(1, -1),
    ...base64Of(whole),
  ]
  if (/[\r\n]/.test(whole)) derived.push(...whole.split(/[\r\n]+/))
  return [secret, ...derived.filter((form) => Buffer.byteLength(form) >= shortestForm)]
}

/** Base64 of the secret by itself, and the part that is the same wherever it starts inside a longer text. */
function base64Of(secret: string): readonly string[] {
  const padded = Buffer.from(secret).toString('base64')
  const inside = [0, 1, 2].map((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
    return bytes.toString('base64').slice(Math.ceil((offset * 8) / 6), Math.floor((bytes.length * 8) / 6))
  })
  const standard = [padded, padded.replace(/=+$/, ''), ...inside]
  return [...standard, ...standard.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))]
}

/** The forms by their first four bytes, with a filter in front that says no for most positions of most texts. */
type Index = {
  readonly filter: Uint8Array
  /** Longest first. */
  readonly byHead: ReadonlyMap<number, readonly Buffer[]>
  /** The first one, two and three bytes of every form: what the end of a chunk may be the start of. */
  readonly beginnings: ReadonlySet<string>
}

function createIndex(forms: ReadonlySet<string>): Index {
  const filter = new Uint8Array(65_536)
  const byHead = new Map<number, Buffer[]>()
  const beginnings = new Set<string>()
  const longestFirst = [...forms].map((form) => Buffer.from(form)).sort((a, b) => b.length - a.length)
  for (const form of longestFirst) {
    const head = form.readInt32BE(0)
    filter[slot(head)] = 1
    byHead.set(head, [...(byHead.get(head) ?? []), form])
    for (const length of [1, 2, 3]) beginnings.add(form.toString('latin1', 0, length))
  }
  return { filter, byHead, beginnings }
}

/** Fibonacci hashing: spreads the heads over the filter. */
function slot(head: number): number {
  return Math.imul(head, 0x9e37_79b1) >>> 16
}

function createStream(index: Index, aside: Buffer = Buffer.alloc(asideHead)): MaskStream {
  let waiting: Buffer = aside.subarray(asideHead)
  let room = Buffer.alloc(0)
  /** How many of the bytes to come are part of a secret whose mark is out already. */
  let covered = aside.readUInt32BE()

  return {
    push(chunk) {
      if (index.byHead.size === 0) return chunk
      return mask(waiting.length === 0 ? chunk : joined(waiting, chunk), { isLast: false })
    },
    end: () => mask(waiting, { isLast: true }),
    putAside() {
      if (waiting.length === 0 && covered === 0) return null
      const head = Buffer.alloc(asideHead)
      head.writeUInt32BE(covered)
      return Buffer.concat([head, waiting])
    },
  }

  /** In the same memory every time: garbage of this size grows the process before it is collected. */
  function joined(before: Buffer, chunk: Buffer): Buffer {
    const length = before.length + chunk.length
    if (room.length < length) room = Buffer.allocUnsafe(length)
    before.copy(room)
    chunk.copy(room, before.length)
    return room.subarray(0, length)
  }

  function mask(bytes: Buffer, { isLast }: { isLast: boolean }): Buffer {
    const out: Buffer[] = []
    let plainFrom = covered
    const certain = scan(index, bytes, isLast, (start, end) => {
      // A find that starts inside the last one only makes it longer; its mark is out.
      if (start >= plainFrom) out.push(bytes.subarray(plainFrom, start), mark)
      plainFrom = Math.max(plainFrom, end)
    })
    if (certain > plainFrom) out.push(bytes.subarray(plainFrom, certain))
    waiting = Buffer.from(bytes.subarray(certain))
    covered = Math.max(0, plainFrom - certain)
    return out.length === 1 && out[0] !== undefined ? out[0] : Buffer.concat(out)
  }
}

/** In front of what waited stands how much of it is covered. */
const asideHead = 4

/** Tells every find in order of its start; answers up to where the bytes are judged for good. */
function scan(index: Index, bytes: Buffer, isLast: boolean, found: (start: number, end: number) => void): number {
  const { filter, byHead, beginnings } = index
  const lastHead = bytes.length - 4
  let head = bytes.length < 4 ? 0 : bytes.readInt32BE(0)
  for (let at = 0; at <= lastHead; at++) {
    if (filter[slot(head)] === 1) {
      const length = longestFormAt(byHead.get(head), bytes, at, isLast)
      if (length === 'undecided') return at
      if (length > 0) found(at, at + length)
    }
    head = (head << 8) | (bytes[at + 4] ?? 0)
  }
  if (isLast) return bytes.length
  for (let at = Math.max(0, lastHead + 1); at < bytes.length; at++) {
    if (beginnings.has(bytes.toString('latin1', at))) return at
  }
  return bytes.length
}

function longestFormAt(
  forms: readonly Buffer[] | undefined,
  bytes: Buffer,
  at: number,
  isLast: boolean,
): number | 'undecided' {
  for (const form of forms ?? []) {
    const length = Math.min(form.length, bytes.length - at)
    if (form.compare(bytes, at, at + length, 0, length) !== 0) continue
    if (length === form.length) return length
    if (!isLast) return 'undecided'
  }
  return 0
}
