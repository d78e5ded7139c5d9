import type { Stray, StrayReason } from '../model/delivery.ts'

/** Requests that never became a delivery, remembered in memory only: anybody can send any number of them. */
export type Strays = {
  record(stray: Stray): void
  /** Newest first. */
  recent(): readonly Stray[]
}

/** Keeps the last 20 for each reason, so that a flood of one kind hides no other. A name is kept only if it is harmless. */
export function createStrays(): Strays {
  const newest = new Map<StrayReason, readonly Stray[]>()
  return {
    record(stray) {
      const { reason, webhook } = stray
      const shown = { ...stray, webhook: webhook !== null && harmlessName.test(webhook) ? webhook : null }
      newest.set(reason, [shown, ...(newest.get(reason) ?? [])].slice(0, mostPerReason))
    },
    recent: () => [...newest.values()].flat().toSorted((one, other) => other.at.getTime() - one.at.getTime()),
  }
}

const mostPerReason = 20

/** What somebody may have typed for the name of a webhook, and nothing that acts on a screen. */
const harmlessName = /^[A-Za-z0-9_-]{1,63}$/
