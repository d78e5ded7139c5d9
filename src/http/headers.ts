import type { IncomingMessage } from 'node:http'

/**
 * The headers as they came, names in lower case, one that was sent twice joined by `, `. Node's own `headers` drops the
 * second of some (Host, Authorization): https://nodejs.org/api/http.html#messageheaders
 */
export function headersOf({
  rawHeaders,
}: Pick<IncomingMessage, 'rawHeaders'>): Readonly<Record<string, string | undefined>> {
  const headers = new Map<string, string>()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    const value = rawHeaders[at + 1] ?? ''
    const known = headers.get(name)
    headers.set(name, known === undefined ? value : `${known}, ${value}`)
  }
  return Object.fromEntries(headers)
}
