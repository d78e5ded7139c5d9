import { isUtf8 } from 'node:buffer'

/** The text of deploy.yml, or the place of the first byte in it that is not text. A byte order mark is dropped. */
export type Decoded =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'not_text'; readonly text: string; readonly offset: number; readonly problem: string }

export function decode(bytes: Buffer): Decoded {
  if (startsWith(bytes, [0xff, 0xfe]) || startsWith(bytes, [0xfe, 0xff])) {
    return { kind: 'not_text', text: '', offset: 0, problem: 'the file is UTF-16: save it as UTF-8' }
  }
  const text = new TextDecoder('utf-8').decode(bytes)
  if (!isUtf8(bytes)) {
    const problem = 'there is a byte here that is not UTF-8 (is it Latin-1?): save the file as UTF-8'
    return { kind: 'not_text', text, offset: text.indexOf('\u{fffd}'), problem }
  }
  const nul = text.indexOf('\0')
  if (nul >= 0) return { kind: 'not_text', text, offset: nul, problem: 'there is a NUL byte here: take it out' }
  return { kind: 'text', text }
}

function startsWith(bytes: Buffer, prefix: readonly number[]): boolean {
  return prefix.every((byte, index) => bytes[index] === byte)
}
