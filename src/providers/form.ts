/**
 * The value of the one field `name` of an `application/x-www-form-urlencoded` body, as bytes, or what is wrong with it.
 * Written for bodies of tens of megabytes: one pass, no text in between.
 */
export function formField(body: Buffer, name: string): { readonly value: Buffer } | { readonly problem: string } {
  const found: Buffer[] = []
  for (let start = 0; start <= body.length;) {
    const next = body.indexOf('&', start)
    const end = next === -1 ? body.length : next
    const pair = body.subarray(start, end)
    if (pair.subarray(0, name.length + 1).equals(Buffer.from(`${name}=`))) found.push(pair.subarray(name.length + 1))
    start = end + 1
  }
  const [field] = found
  if (field === undefined || found.length > 1) return { problem: `${name}: must be a field of the form, once` }
  const value = decode(field)
  return value === null ? { problem: `${name}: is not percent-encoded` } : { value }
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

const plus = 0x2b
const space = 0x20
const percent = 0x25

function hexDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : NaN
}
