import type { Secret } from '../lib/secret.ts'
import { signingKey } from '../lib/standard-webhooks.ts'
import type { Delivery, RefusalReason } from '../model/delivery.ts'
import { hasHeader, headerOf, idOf } from './headers.ts'
import { fromBase64, hmacSha256, provingSecret, sameDigest } from './signature.ts'

/**
 * The scheme of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md with a shared
 * secret, which GitLab's signing tokens follow: HMAC-SHA256 over `id.timestamp.body`, the key base64 after `whsec_`.
 */
export function proveStandardWebhook(
  delivery: Delivery,
  secrets: readonly Secret[],
): { readonly id: string; readonly secret: number } | { readonly refused: RefusalReason } {
  const { headers, body, receivedAt } = delivery
  const list = headerOf(headers, 'webhook-signature')
  if (list === null) return { refused: hasHeader(headers, otherSchemes) ? 'wrong_scheme' : 'no_signature' }
  const id = idOf(headers, 'webhook-id')
  const timestamp = headerOf(headers, 'webhook-timestamp')
  const signatures = parseSignatures(list)
  if (id === null || id.includes('.') || signatures === null) return { refused: 'malformed_header' }
  if (timestamp === null || !/^\d{1,12}$/.test(timestamp)) return { refused: 'malformed_header' }
  if (signatures.length === 0) return { refused: 'wrong_scheme' }

  const secret = provingSecret(secrets, (text) => {
    const expected = hmacSha256(signingKey(text) ?? '', [`${id}.${timestamp}.`, body])
    const same = signatures.map((signature) => sameDigest(signature, expected))
    return same.includes(true) && signingKey(text) !== null
  })
  if (secret === null) return { refused: 'bad_signature' }
  const ageMs = receivedAt.getTime() - Number(timestamp) * 1000
  return Math.abs(ageMs) > toleranceMs ? { refused: 'stale' } : { id, secret }
}

/** The reference libraries take five minutes, both ways. */
const toleranceMs = 300_000

const otherSchemes = ['x-gitlab-token', 'x-hub-signature-256', 'x-hub-signature'] as const

/** The v1 signatures (32 bytes each) of a list parted by spaces; other versions are passed over; null: not such a list. */
function parseSignatures(list: string): readonly Buffer[] | null {
  const signatures: Buffer[] = []
  if (list.length > maxListLength) return null
  for (const entry of list.split(' ')) {
    const [, version, text] = /^(v[0-9a-z]{1,8}),([A-Za-z0-9+/]+={0,2})$/.exec(entry) ?? []
    if (version === undefined || text === undefined) return null
    if (version !== 'v1') continue
    const signature = fromBase64(text)
    if (signature?.length !== 32) return null
    signatures.push(signature)
  }
  return signatures
}

const maxListLength = 2000
