import { isUtf8 } from 'node:buffer'

/**
 * The JSON value that the bytes spell, or what is wrong with them, without quoting any of them. Of a key given twice the
 * last value counts, as everywhere in JavaScript. A byte order mark is refused, as RFC 8259 asks of senders.
 */
export function parseJson(bytes: Buffer): { readonly value: unknown } | { readonly problem: string } {
  if (!isUtf8(bytes)) return { problem: 'the body is not UTF-8' }
  if (hasManyOpenings(bytes) && isTooDeep(bytes))
    return { problem: `the body is nested deeper than ${maxDepth} levels` }
  try {
    return { value: JSON.parse(bytes.toString()) as unknown }
  } catch {
    return { problem: 'the body is not JSON' }
  }
}

/** Bodies of real events are some eight levels deep; JSON.parse blocks for seconds on ten million brackets. */
const maxDepth = 100

const quote = 0x22
const backslash = 0x5c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** Whether there are enough brackets and braces for that at all; a real event has some forty, and this is five times as fast. */
function hasManyOpenings(bytes: Buffer): boolean {
  let openings = 0
  for (const opening of [openBracket, openBrace]) {
    for (let at = bytes.indexOf(opening); at !== -1; at = bytes.indexOf(opening, at + 1)) {
      if (++openings > maxDepth) return true
    }
  }
  return false
}

function isTooDeep(bytes: Buffer): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === quote) inString = !inString
    else if (inString) at += byte === backslash ? 1 : 0
    else if (byte === openBracket || byte === openBrace) depth++
    else if (byte === closeBracket || byte === closeBrace) depth--
    if (depth > maxDepth) return true
  }
  return false
}
