import { createHash } from 'node:crypto'
import type { WrittenApp } from './app-schema.ts'

/**
 * SHA-256 in hex of an app's entry as it counts, in an order of its own. Secrets take part by where they come from,
 * never by what they are: a fingerprint is stored and shown.
 */
export function fingerprintOf(app: WrittenApp): string {
  return createHash('sha256')
    .update(JSON.stringify(withoutFilters(app), inOrder))
    .digest('hex')
}

/**
 * What says which pushes are wanted and when, how it is judged how they went, or who is told makes nothing that is live
 * outdated.
 */
function withoutFilters(app: WrittenApp): object {
  return Object.fromEntries(Object.entries(app).filter(([key]) => !filters.has(key)))
}

const filters: ReadonlySet<string> = new Set([
  ...['branches', 'tags', 'paths', 'skip', 'notify', 'catch_up', 'approve', 'windows'],
  ...['health', 'preview', 'bake', 'on_failure', 'hold_after_rollback', 'keep', 'executor', 'limits', 'sandbox'],
])

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
