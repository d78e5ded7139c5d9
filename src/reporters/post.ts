import type { lookup } from 'node:dns'
import { networkProblem } from '../lib/network-problem.ts'
import { withoutCredentials } from '../lib/without-credentials.ts'
import { addressIn, isPublicAddress, PrivateAddress, publicLookup } from './public-address.ts'
import type { Told } from './reporter.ts'

export type Posting = {
  /** Also to addresses that are not of the public internet. */
  readonly allowPrivate: boolean
  readonly signal: AbortSignal
  readonly now: () => Date
  readonly lookup: typeof lookup
  /** For all of it: names, connection, TLS, answer. */
  readonly timeoutMs: number
}

/**
 * POSTs once, over a connection of its own: no redirect is followed, no more of the answer read than its head and the
 * first 64 KiB, and nothing of it is repeated. The problem of an attempt that failed names the host, never the URL.
 */
export async function post(
  url: URL,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer },
  { allowPrivate, signal, now, lookup, timeoutMs }: Posting,
): Promise<Told> {
  const address = addressIn(url.hostname)
  if (!allowPrivate && address !== null && !isPublicAddress(address)) return failed(url, privateProblem)

  const { Agent, request } = await import('undici') // slow to load, and many a daemon has no use for it
  const limit = AbortSignal.timeout(timeoutMs)
  const agent = new Agent({
    connect: { lookup: allowPrivate ? lookup : publicLookup(lookup), timeout: timeoutMs },
    maxHeaderSize: 16_384,
    pipelining: 0,
  })
  try {
    const answer = await request(withoutCredentials(url), {
      dispatcher: agent,
      method: 'POST',
      headers: { ...credentialsOf(url), ...headers },
      body,
      signal: AbortSignal.any([signal, limit]),
    })
    // The status has said it all; the rest is read so that a small answer ends politely.
    await answer.body.dump({ limit: maxAnswerBytes }).catch(() => undefined)
    return judge(url, answer.statusCode, retryAfterMs(answer.headers['retry-after'], now()))
  } catch (error) {
    if (limit.aborted) return failed(url, `gave no answer within ${timeoutMs / 1000} s`)
    return failed(url, problemOf(error))
  } finally {
    await agent.destroy()
  }
}

const maxAnswerBytes = 65_536

function judge(url: URL, status: number, retryAfter: number | null): Told {
  if (status >= 200 && status < 300) return { kind: 'told' }
  if (status === 410) return failed(url, 'answered 410: it wants no more reports', { isPermanent: true })
  if (status >= 300 && status < 400)
    return failed(url, `answered ${status}: a redirect is not followed, give the URL that it leads to`)
  // What a receiver refuses today (a secret being changed, a deploy of its own) it may take tomorrow.
  return failed(url, `answered ${status}`, { retryAfterMs: retryAfter })
}

function failed(
  { host }: URL,
  problem: string,
  { retryAfterMs = null, isPermanent = false }: { retryAfterMs?: number | null; isPermanent?: boolean } = {},
): Told {
  return { kind: 'failed', problem: `${host} ${problem}`, retryAfterMs, isPermanent }
}

/** Seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after */
function retryAfterMs(header: string | string[] | undefined, now: Date): number | null {
  if (typeof header !== 'string') return null
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime())
}

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

const privateProblem = 'is on this machine or its network: if that is meant, add allow_private: true'

function problemOf(error: unknown): string {
  if (error instanceof PrivateAddress) return privateProblem
  return networkProblem(error)
}
