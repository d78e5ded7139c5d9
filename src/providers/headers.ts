import type { Delivery } from '../model/delivery.ts'

type Headers = Delivery['headers']

/** One header's value, or null when it was not sent. Sent twice it comes joined by `, `, which no strict pattern takes. */
export function headerOf(headers: Headers, name: Lowercase<string>): string | null {
  const value = headers[name]
  if (value === undefined) return null
  return typeof value === 'string' ? value : value.join(', ')
}

export function hasHeader(headers: Headers, names: readonly Lowercase<string>[]): boolean {
  return names.some((name) => headers[name] !== undefined)
}

/** A delivery id fit to be kept: 1 to 128 printable ASCII characters without spaces; otherwise null. */
export function idOf(headers: Headers, name: Lowercase<string>): string | null {
  const id = headerOf(headers, name)
  return id !== null && /^[\x21-\x7e]{1,128}$/.test(id) ? id : null
}

/** A delivery id of a request that nobody proved: null unless it is harmless to show anywhere. */
export function claimedIdOf(headers: Headers, name: Lowercase<string>): string | null {
  const id = headerOf(headers, name)
  return id !== null && /^[A-Za-z0-9-]{1,64}$/.test(id) ? id : null
}

/** The name of an event as a header or a body gives it, or null when it is none: it is kept and shown to people. */
export function eventNameOf(text: unknown): string | null {
  return typeof text === 'string' && /^[A-Za-z0-9_.:-]{1,100}$/.test(text) ? text : null
}
