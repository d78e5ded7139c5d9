import type { Dispatcher } from 'undici'
import { formatDuration } from '../../lib/duration.ts'
import { networkProblem } from '../../lib/network-problem.ts'
import { revealed } from '../../lib/secret.ts'
import { withoutCredentials } from '../../lib/without-credentials.ts'
import type { Env } from '../../model/deploy-map.ts'
import { bodyHolds, maxBodyBytes } from './body-holds.ts'
import { sick, well, type Answer, type AskProbe, type ProbeOf } from './probe.ts'
import { timeLimit } from './time-limit.ts'

/**
 * GETs the URL, each time over a new connection that is cut as soon as the answer is judged, and without any proxy.
 * Redirects are followed only when that is wanted, five at most, never to another protocol, and the check's headers,
 * which may be secrets, do not go along to another origin.
 */
export const askHttp: AskProbe<'http'> = async (probe, { timeoutMs, signal }) => {
  const limit = timeLimit(timeoutMs, signal)
  try {
    return await askFrom(probe, limit.signal)
  } catch (error) {
    return sick(limit.isUp() ? `gave no full answer within ${formatDuration(timeoutMs)}` : networkProblem(error))
  }
}

async function askFrom(probe: ProbeOf<'http'>, signal: AbortSignal): Promise<Answer> {
  const first = new URL(probe.url)
  let url = first
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const headers = url.origin === first.origin ? plainHeaders(probe.headers) : {}
    const found = await askOnce(url, { probe, headers, signal })
    if (found.kind !== 'redirect') return found
    const next = URL.parse(found.location, url.href)
    if (next === null) return sick('redirects to what is no URL')
    if (next.protocol !== url.protocol)
      return sick('redirects to another protocol, which is never followed: give the URL that it leads to')
    url = withoutCredentials(next)
  }
  return sick(`redirects more than ${maxRedirects} times`)
}

const maxRedirects = 5

type Asked = {
  readonly probe: ProbeOf<'http'>
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

async function askOnce(
  url: URL,
  { probe, headers, signal }: Asked,
): Promise<Answer | { readonly kind: 'redirect'; readonly location: string }> {
  const { Agent, request } = await import('undici') // slow to load, and many a daemon has no use for it
  // Times are the caller's, by the signal. No pipelining means a connection that is not kept.
  const agent = new Agent({
    connect: { timeout: 0 },
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 16_384,
    pipelining: 0,
  })
  try {
    const answer = await request(url, {
      dispatcher: agent,
      headers: { 'user-agent': 'deployhook', ...headers },
      signal,
    })
    // It is destroyed with the agent, which is no news.
    answer.body.on('error', () => undefined)
    const { location } = answer.headers
    if (probe.followRedirects && redirectStatuses.has(answer.statusCode) && typeof location === 'string')
      return { kind: 'redirect', location }
    return await judge(answer, probe)
  } finally {
    await agent.destroy()
  }
}

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

async function judge(
  { statusCode, body }: Dispatcher.ResponseData,
  { status, contains, followRedirects }: ProbeOf<'http'>,
): Promise<Answer> {
  if (statusCode < status.from || statusCode > status.to) {
    const wanted = status.from === status.to ? `${status.from}` : `${status.from}-${status.to}`
    const hint =
      redirectStatuses.has(statusCode) && !followRedirects
        ? ': it redirects, which follow_redirects: true would follow'
        : ''
    return sick(`answered ${statusCode} where ${wanted} is wanted${hint}`)
  }
  if (contains !== null)
    return (await bodyHolds(body, contains))
      ? well
      : sick(`answered ${statusCode}, but the first 64 KiB do not hold the text of \`contains\``)
  // The status has said it all; a small answer is read to its end, so that its sender sees no broken connection.
  await body.dump({ limit: maxBodyBytes, signal: AbortSignal.timeout(politeMs) }).catch(() => undefined)
  return well
}

const politeMs = 100

function plainHeaders(headers: Env): Record<string, string> {
  return Object.fromEntries([...headers].map(([name, value]) => [name.toLowerCase(), revealed(value)]))
}
