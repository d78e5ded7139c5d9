import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../lib/secret.ts'

export { fromBase64 } from '../lib/base64.ts'

/** HMAC-SHA256, 32 bytes. The parts are hashed one after the other, so that a body is never copied. */
export function hmacSha256(key: string | Buffer, parts: readonly (string | Buffer)[]): Buffer {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}

/**
 * Which secret proves a delivery, counted from 0, or null. Every secret is tried, whatever the first one says, so that
 * the time tells nothing. An empty secret proves nothing: hosts without a secret sign with the empty key.
 */
export function provingSecret(secrets: readonly Secret[], proves: (secret: string) => boolean): number | null {
  const proven = secrets.map((secret) => proves(secret.reveal()) && secret.reveal() !== '')
  const index = proven.indexOf(true)
  return index === -1 ? null : index
}

/** Whether two digests are the same, in constant time. Digests of different lengths are different, not an exception. */
export function sameDigest(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

/** Whether two texts of any lengths are the same, in constant time: their SHA-256 digests are compared. */
export function sameText(left: Buffer, right: Buffer): boolean {
  return timingSafeEqual(createHash('sha256').update(left).digest(), createHash('sha256').update(right).digest())
}
