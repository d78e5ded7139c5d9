/** The bytes that `text` spells in canonical, padded base64, or null: one value has one spelling. */
export function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}
