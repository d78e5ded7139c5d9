import type { Delivery } from '../model/delivery.ts'

/** The headers that are kept with a delivery: those that its provider names, and no other. */
export function keptHeaders(headers: Delivery['headers'], named: readonly string[]): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {}
  for (const name of ['content-type', 'user-agent', ...named]) {
    const value = headers[name]
    if (value !== undefined) kept[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return kept
}
