import type { Refusal } from '../model/delivery.ts'

/** Requests that were not believed, remembered in memory only: an attacker can send any number of them. */
export type Refusals = {
  record(refusal: Refusal): void
  /** The last ones of a webhook, newest first. */
  recent(webhook: string): readonly Refusal[]
  /** How many there were of a webhook since the start. */
  count(webhook: string): number
}

/** Keeps the last 100 per webhook. A claimed id is kept only if it is harmless to show: `[A-Za-z0-9-]{1,64}`. */
export function createRefusals(): Refusals {
  const kept = new Map<string, Refusal[]>()
  const counts = new Map<string, number>()
  return {
    record(refusal) {
      const { webhook, providerId } = refusal
      const shown = { ...refusal, providerId: providerId !== null && harmlessId.test(providerId) ? providerId : null }
      const known = kept.get(webhook) ?? []
      if (known.length === 0) kept.set(webhook, known)
      // The oldest go many at a time: else each one would copy the last 100.
      if (known.push(shown) >= 2 * mostPerWebhook) known.splice(0, mostPerWebhook)
      counts.set(webhook, (counts.get(webhook) ?? 0) + 1)
    },
    recent: (webhook) => (kept.get(webhook) ?? []).slice(-mostPerWebhook).reverse(),
    count: (webhook) => counts.get(webhook) ?? 0,
  }
}

const mostPerWebhook = 100
const harmlessId = /^[A-Za-z0-9-]{1,64}$/
