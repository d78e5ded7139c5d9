import type { Secret } from '../lib/secret.ts'
import type { Delivery, RefusalReason } from '../model/delivery.ts'
import { hasHeader, headerOf } from './headers.ts'
import { hmacSha256, provingSecret, sameDigest } from './signature.ts'

/** Which secret made the signature that GitHub invented: `sha256=` and 64 hex digits, the HMAC of the body as sent. */
export function proveHubSignature(
  { headers, body }: Delivery,
  { secrets, header, otherSchemes }: HubSignature,
): { readonly secret: number } | { readonly refused: RefusalReason } {
  const value = headerOf(headers, header)
  if (value === null) return { refused: hasHeader(headers, otherSchemes) ? 'wrong_scheme' : 'no_signature' }
  const hex = /^sha256=([0-9a-f]{64})$/.exec(value)?.[1]
  if (hex === undefined) return { refused: 'malformed_header' }
  const signature = Buffer.from(hex, 'hex')
  const secret = provingSecret(secrets, (key) => sameDigest(signature, hmacSha256(key, [body])))
  return secret === null ? { refused: 'bad_signature' } : { secret }
}

type HubSignature = {
  readonly secrets: readonly Secret[]
  readonly header: Lowercase<string>
  /** Headers that tell that another kind of signature was sent instead. */
  readonly otherSchemes: readonly Lowercase<string>[]
}

/** What `proveHubSignature` takes. */
export function hubSignature(body: Buffer, secret: Secret): string {
  return `sha256=${hmacSha256(secret.reveal(), [body]).toString('hex')}`
}
