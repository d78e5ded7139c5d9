import { randomBytes } from 'node:crypto'
import { Secret } from './secret.ts'
import { signingPrefix } from './standard-webhooks.ts'

/** A fresh secret of 256 bits: hex, or (`signing`) of the form that Standard Webhooks and GitLab's signing tokens have. */
export function newSecret({ signing = false }: { readonly signing?: boolean } = {}): Secret {
  const bytes = randomBytes(32)
  return new Secret(signing ? signingPrefix + bytes.toString('base64') : bytes.toString('hex'))
}
