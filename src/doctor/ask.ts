import { networkProblem } from '../lib/network-problem.ts'

export type Asked = {
  readonly url: string
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Nobody waits any longer. */
  readonly signal?: AbortSignal
}

/** An answer of HTTP, or why there is none: a phrase that goes on from a host's name. */
export type WebAnswer =
  | {
      readonly kind: 'answered'
      readonly status: number
      /** Names in lower case. */
      readonly headers: Readonly<Record<string, string>>
      /** Its beginning. */
      readonly body: string
      /** The proxy that was asked to ask, of the environment; null: none. */
      readonly through: string | null
    }
  | { readonly kind: 'unreachable'; readonly why: string; readonly through: string | null }

/** Asks once. A redirect is an answer. */
export type Ask = (asked: Asked) => Promise<WebAnswer>

const maxBodyBytes = 65_536

/**
 * Asks over a connection of its own, through the proxy that the environment names, if it does: a machine behind one has no
 * other way to its own public address.
 */
export function createAsk({
  env,
  timeoutMs,
}: {
  readonly env: Readonly<Record<string, string | undefined>>
  /** For all of it: name, connection, TLS, answer. */
  readonly timeoutMs: number
}): Ask {
  return async ({ url, method, headers = {}, body, signal }) => {
    const through = proxyFor(new URL(url), env)
    const limit = AbortSignal.timeout(timeoutMs)
    const { Agent, ProxyAgent, request } = await import('undici') // slow to load, and seldom asked for
    const times = { headersTimeout: 0, bodyTimeout: 0, pipelining: 0, maxHeaderSize: 16_384 }
    const agent =
      through === null ? new Agent({ ...times, connect: { timeout: 0 } }) : new ProxyAgent({ ...times, uri: through })
    try {
      const answer = await request(url, {
        dispatcher: agent,
        method,
        headers: { 'user-agent': 'deployhook-doctor', ...headers },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.any(signal === undefined ? [limit] : [signal, limit]),
      })
      const text = await beginningOf(answer.body)
      const plain = Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as const)
      return {
        kind: 'answered',
        status: answer.statusCode,
        headers: Object.fromEntries(plain),
        body: text,
        through: shown(through),
      }
    } catch (error) {
      if (signal?.aborted)
        return { kind: 'unreachable', why: 'was not asked to the end: there was no time left', through: shown(through) }
      const why = limit.aborted ? `gave no answer within ${timeoutMs / 1000} s` : networkProblem(error)
      return { kind: 'unreachable', why, through: shown(through) }
    } finally {
      await agent.destroy()
    }
  }
}

async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= maxBodyBytes) break
  }
  return Buffer.concat(chunks).subarray(0, maxBodyBytes).toString('utf8')
}

/** As curl and git read the environment: lower case first, and NO_PROXY names hosts and domains, or `*`. */
function proxyFor({ protocol, hostname }: URL, env: Readonly<Record<string, string | undefined>>): string | null {
  const told = (name: string): string => env[name.toLowerCase()] ?? env[name] ?? ''
  const excused = told('NO_PROXY')
    .split(',')
    .map((name) => name.trim().replace(/^\./, '').toLowerCase())
    .filter((name) => name !== '')
  if (isLocal(hostname) || excused.some((name) => name === '*' || hostname === name || hostname.endsWith(`.${name}`)))
    return null
  const proxy = [protocol === 'https:' ? told('HTTPS_PROXY') : (env['http_proxy'] ?? ''), told('ALL_PROXY')].find(
    (one) => one !== '',
  )
  if (proxy === undefined) return null
  const url = URL.parse(proxy.includes('://') ? proxy : `http://${proxy}`)
  return url !== null && /^https?:$/.test(url.protocol) ? url.href : null
}

/** This machine itself. */
export function isLocal(hostname: string): boolean {
  return hostname === 'localhost' || hostname.startsWith('127.') || hostname === '[::1]'
}

/** Without a password that it may hold. */
function shown(proxy: string | null): string | null {
  return proxy === null ? null : new URL(proxy).origin
}
