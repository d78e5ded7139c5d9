/**
 * Escape sequences of ECMA-48: strings (OSC, DCS, SOS, PM, APC) with their content, control sequences (CSI), and the
 * short ones; in their 7-bit and their 8-bit form. An unfinished string loses its introducer only.
 */
const sequences =
  /(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f\n]*(?:\x07|\x1b\\|\x9c)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]/g

/** Everything else that moves the cursor, is invisible or turns the reading direction; newline and tab are not in it. */
const unseen = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g

/** Text from outside (log output) as a terminal may have it: no escape sequence, no control character but newline and tab. */
export function harmless(text: string): string {
  return text.replace(sequences, '').replace(/\r\n?/g, '\n').replace(unseen, '')
}

/** A name or sentence from outside, made harmless and put on one line. */
export function oneLine(text: string): string {
  return harmless(text)
    .replace(/[\n\t]+/g, ' ')
    .trim()
}

/** JSON of `value` that is as harmless on a terminal as it is valid: what JSON leaves bare is written as `\uXXXX`. */
export function harmlessJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    /[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g,
    unicodeEscape,
  )
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** `text` cut to `width` characters, with an ellipsis where something is missing. */
export function shorten(text: string, width: number): string {
  const characters = Array.from(text)
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`
}

/** `1 app`, `3 apps`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
