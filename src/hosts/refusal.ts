import { HostProblem } from './host-problem.ts'

/** An answer of the API, as much of it as was read. */
export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Parsed; null: no JSON. */
  readonly body: unknown
}

/** What an answer that is no success means, for whom, and what to do. `said`: the host's own words, ready to be quoted. */
export function refusalOf(
  { status, headers }: Answer,
  {
    host,
    path,
    right,
    said,
  }: { readonly host: string; readonly path: string; readonly right: string; readonly said: string },
): HostProblem {
  const quoted = said === '' ? '' : `: ${said}`
  if (status >= 300 && status < 400) {
    const to = hostOf(headers['location'])
    return new HostProblem(
      'redirect',
      `${host} sends on to ${to} (${status}), where the token is not taken: if that is right, say so with --api-url`,
    )
  }
  const wait = waitOf(headers)
  if (status === 429 || (status === 403 && wait !== null))
    return new HostProblem(
      'too_often',
      `${host} has had too many requests (${status})${quoted}: try again ${wait ?? 'later'}`,
    )
  if (status === 401)
    return new HostProblem(
      'token',
      `${host} does not take the token (401)${quoted}. Is it whole, of this host, and not expired? It needs ${right}.`,
    )
  if (status === 403)
    return new HostProblem(
      'right',
      `${host} knows the token, but does not allow this (403)${quoted}. It needs ${right}, and whoever made it must administer ${path}.`,
    )
  if (status === 404)
    return new HostProblem(
      'not_found',
      `${host} shows this token no such thing for ${path} (404)${quoted}. Is repo in deploy.yml right? Hosts also answer so when the token may not see it: it needs ${right}.`,
    )
  if (status >= 500)
    return new HostProblem('trouble', `${host} is in trouble itself (${status})${quoted}: try again later`)
  return new HostProblem('refused', `${host} does not take this for ${path} (${status})${quoted}`)
}

/** The words of a refusal, in any of the forms that the hosts have: texts by `message`, `error` and `errors`, at any depth. */
export function wordsOf(body: unknown): string {
  const found: string[] = []
  gather(body, found)
  return [...new Set(found)].join('; ').slice(0, 300)
}

function gather(value: unknown, found: string[]): void {
  if (typeof value === 'string') found.push(value)
  if (Array.isArray(value)) for (const one of value.slice(0, 5)) gather(one, found)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  for (const [key, inner] of Object.entries(value)) if (telling.has(key)) gather(inner, found)
}

const telling = new Set(['message', 'error', 'errors', 'detail', 'error_description', 'url', 'base', 'fields'])

/** When asking again has a chance; null: the host names no limit that was reached. */
function waitOf(headers: Answer['headers']): string | null {
  const after = headers['retry-after']
  if (typeof after === 'string' && /^\d{1,6}$/.test(after)) return `in ${minutes(Number(after))}`
  const left = headers['x-ratelimit-remaining'] ?? headers['ratelimit-remaining']
  return left === '0' ? 'later' : null
}

function minutes(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`
}

function hostOf(location: string | string[] | undefined): string {
  return (typeof location === 'string' ? URL.parse(location)?.host : undefined) ?? 'another place'
}
