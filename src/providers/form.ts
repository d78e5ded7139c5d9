/**
 * The value of the one field `name` of an `application/x-www-form-urlencoded` body, as bytes, or what is wrong with it.
 * Written for bodies of tens of megabytes: one pass, no text in between.
 */
export function formField(body: Buffer, name: string): { readonly value: Buffer } | { readonly problem: string } {
  const key = `${name}=`
  let field: Buffer | null = null
  for (let at = body.indexOf(key); at !== -1; at = body.indexOf(key, at + key.length)) {
    if (at > 0 && body[at - 1] !== ampersand) continue
    if (field !== null) return { problem: notOnce(name) }
    const end = body.indexOf(ampersand, at)
    field = body.subarray(at + key.length, end === -1 ? body.length : end)
  }
  if (field === null) return { problem: notOnce(name) }
  const value = decode(field)
  return value === null ? { problem: `${name}: is not percent-encoded` } : { value }
}

function notOnce(name: string): string {
  return `${name}: must be a field of the form, once`
}

/** `+` is a space and `%41` a byte, as https://url.spec.whatwg.org/#urlencoded-parsing has it; null for a broken `%`. */
function decode(field: Buffer): Buffer | null {
  const value = Buffer.allocUnsafe(field.length)
  let length = 0
  for (let at = 0; at < field.length; at++) {
    let byte = field[at] ?? 0
    if (byte === plus) byte = space
    if (byte === percent) {
      byte = hexDigit(field[at + 1]) * 16 + hexDigit(field[at + 2])
      if (Number.isNaN(byte)) return null
      at += 2
    }
    value[length++] = byte
  }
  return value.subarray(0, length)
}

const ampersand = 0x26
const plus = 0x2b
const space = 0x20
const percent = 0x25

function hexDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : NaN
}
