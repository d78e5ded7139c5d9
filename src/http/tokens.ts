import { createHash, timingSafeEqual } from 'node:crypto'
import type { ApiToken } from '../model/deploy-map.ts'

/**
 * The configured token that an `Authorization: Bearer` header holds, or null. Compares digests, and all of them, so that
 * the time tells nothing about any.
 */
export function tokenIn(authorization: string | undefined, tokens: readonly ApiToken[]): ApiToken | null {
  const [, sent] = /^Bearer +([!-~]+)$/i.exec(authorization ?? '') ?? []
  if (sent === undefined) return null
  const digest = createHash('sha256').update(sent).digest()
  let found: ApiToken | null = null
  for (const token of tokens) if (timingSafeEqual(digest, token.sha256)) found ??= token
  return found
}
