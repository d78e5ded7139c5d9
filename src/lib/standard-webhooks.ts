import { createHmac } from 'node:crypto'
import { fromBase64 } from './base64.ts'
import type { Secret } from './secret.ts'

/**
 * The three headers that carry the signature of a message by
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md with a shared secret:
 * HMAC-SHA256 over `id.timestamp.body`. Throws if `secret` is no signing secret.
 */
export function standardWebhookHeaders(
  { id, at, body }: { readonly id: string; readonly at: Date; readonly body: Buffer },
  secret: Secret,
): Record<string, string> {
  const key = signingKey(secret.reveal())
  if (key === null) throw new Error(`a signing secret is ${signingSecretForm}`)
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

/** The key that a secret spells, 24 to 64 bytes, or null when it is no signing secret. */
export function signingKey(secret: string): Buffer | null {
  if (!isSigningSecret(secret)) return null
  const key = fromBase64(secret.slice(signingPrefix.length))
  return key !== null && key.length >= 24 && key.length <= 64 ? key : null
}

/** Whether the text means to be a signing secret; whether it is a good one, `signingKey` says. */
export function isSigningSecret(secret: string): boolean {
  return secret.startsWith(signingPrefix)
}

export const signingSecretForm = 'whsec_ and then 24 to 64 bytes in base64'
/** A command of a shell. */
export const makeSigningSecret = 'echo "whsec_$(openssl rand -base64 32)"'

export const signingPrefix = 'whsec_'
