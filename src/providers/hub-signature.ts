import type { Secret } from '../lib/secret.ts'
import { markVerified, type Delivery, type RefusalReason, type VerifiedDelivery } from '../model/delivery.ts'
import { hasHeader, headerOf, idOf } from './headers.ts'
import { hmacSha256, provingSecret, sameDigest } from './signature.ts'

/** Proves a delivery by the signature that GitHub invented: `sha256=` and 64 hex digits, the HMAC of the body as sent. */
export function verifyHubSignature(
  delivery: Delivery,
  { secrets, header, idHeader, otherSchemes }: HubSignature,
): VerifiedDelivery | { readonly refused: RefusalReason } {
  const { headers, body } = delivery
  const value = headerOf(headers, header)
  if (value === null) return { refused: hasHeader(headers, otherSchemes) ? 'wrong_scheme' : 'no_signature' }
  const hex = /^sha256=([0-9a-f]{64})$/.exec(value)?.[1]
  if (hex === undefined) return { refused: 'malformed_header' }
  const signature = Buffer.from(hex, 'hex')
  const secret = provingSecret(secrets, (key) => sameDigest(signature, hmacSha256(key, [body])))
  if (secret === null) return { refused: 'bad_signature' }
  return markVerified(delivery, { providerId: idOf(headers, idHeader), idIsSigned: false, secret })
}

type HubSignature = {
  readonly secrets: readonly Secret[]
  readonly header: Lowercase<string>
  /** Where the host's own id of the delivery stands. */
  readonly idHeader: Lowercase<string>
  /** Headers that tell that another kind of signature was sent instead. */
  readonly otherSchemes: readonly Lowercase<string>[]
}

/** What `verifyHubSignature` takes. */
export function hubSignature(body: Buffer, secret: Secret): string {
  return `sha256=${hmacSha256(secret.reveal(), [body]).toString('hex')}`
}
