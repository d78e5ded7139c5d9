import { isUtf8 } from 'node:buffer'
import type { z } from 'zod'
import { maskText } from '../lib/masker.ts'
import { networkProblem } from '../lib/network-problem.ts'
import type { Secret } from '../lib/secret.ts'
import { HostProblem } from './host-problem.ts'
import { refusalOf, wordsOf, type Answer } from './refusal.ts'

/** Asks the API once. Answers for a success only, and rejects with a `HostProblem` for everything else. */
export type Call = (asked: Asked) => Promise<Answer>

export type Asked = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the API's URL; each part percent-encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: object
}

export type CallOptions = {
  readonly apiUrl: string
  /** Shows the token. */
  readonly authorization: Readonly<Record<string, string>>
  /** Never repeated, whatever the host sends back. */
  readonly secrets: readonly Secret[]
  /** For messages: how the host calls the repository, and what its token has to be allowed. */
  readonly path: string
  readonly right: string
  /** `https_proxy` and `no_proxy`, as git has them. */
  readonly proxy: { readonly https: string | null; readonly except: string | null }
  readonly signal: AbortSignal
  readonly timeoutMs?: number
}

/**
 * A way to one API. The token goes to that one place: no redirect is followed, and nothing that an answer names is
 * asked. Only this machine may be spoken to without TLS.
 */
export function createCall(options: CallOptions): Call {
  const { apiUrl, authorization, secrets, path, right, proxy, signal, timeoutMs = 20_000 } = options
  const base = URL.parse(apiUrl)
  if (base === null || !/^https?:$/.test(base.protocol))
    throw new HostProblem('insecure', `${apiUrl} is no address of an API: write it like https://git.example.com/api/v1`)
  if (base.protocol === 'http:' && !isLoopback(base.hostname))
    throw new HostProblem('insecure', `the token would go to ${base.host} for all to read: the API must be https`)
  if (base.username !== '' || base.password !== '')
    throw new HostProblem('insecure', `the address of the API holds a login: leave it out, the token is the login`)
  const { host } = base

  return async ({ method = 'GET', path: below, query = {}, body }) => {
    const { EnvHttpProxyAgent, request } = await import('undici') // slow to load
    const limit = AbortSignal.timeout(timeoutMs)
    const agent = new EnvHttpProxyAgent({
      ...{ httpProxy: '', httpsProxy: proxy.https ?? '', noProxy: proxy.except ?? '' },
      ...{ connect: { timeout: timeoutMs }, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, pipelining: 0 },
    })
    const search = new URLSearchParams(query).toString()
    const json = body === undefined ? {} : { 'content-type': 'application/json' }
    try {
      const answer = await request(`${apiUrl.replace(/\/+$/, '')}${below}${search === '' ? '' : `?${search}`}`, {
        dispatcher: agent,
        method,
        headers: { accept: 'application/json', 'user-agent': 'deployhook', ...json, ...authorization },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, limit]),
      })
      const read = { status: answer.statusCode, headers: answer.headers, body: parsed(await whole(answer.body, host)) }
      if (read.status >= 200 && read.status < 300) return read
      throw refusalOf(read, { host, path, right, said: maskText(secrets, wordsOf(read.body)) })
    } catch (error) {
      if (error instanceof HostProblem || signal.aborted) throw error
      const why = limit.aborted ? `gave no whole answer within ${timeoutMs / 1000} s` : networkProblem(error)
      throw new HostProblem('unreachable', `${host} ${why}: is that where its API lies (--api-url)?`, { cause: error })
    } finally {
      await agent.destroy()
    }
  }
}

/** What an answer holds, in the form that the API documents; rejects with a `HostProblem` when it is another. */
export function readAs<Schema extends z.ZodType>(schema: Schema, { body, status }: Answer): z.output<Schema> {
  const read = schema.safeParse(body)
  if (read.success) return read.data
  const where = read.error.issues[0]?.path.join('.') ?? ''
  throw new HostProblem(
    'strange',
    `the answer (${status}) is not what this API documents${where === '' ? '' : ` (${where})`}: is --api-url right, and "provider" of the webhook?`,
  )
}

/**
 * All of a list that comes in pages. `rest` says from an answer what to ask next (only its query: an answer never leads
 * the token elsewhere), or null after the last one.
 */
export async function allPages<Item>(
  call: Call,
  {
    path,
    query,
    items,
    rest,
  }: {
    readonly path: string
    readonly query: Readonly<Record<string, string>>
    readonly items: (answer: Answer) => readonly Item[]
    readonly rest: (answer: Answer) => Readonly<Record<string, string>> | null
  },
): Promise<readonly Item[]> {
  const found: Item[] = []
  let next: Readonly<Record<string, string>> | null = query
  for (let page = 0; next !== null; page += 1) {
    if (page === mostPages) throw new HostProblem('strange', `the list of hooks does not end after ${mostPages} pages`)
    const answer = await call({ path, query: next })
    found.push(...items(answer))
    next = rest(answer)
  }
  return found
}

const mostPages = 50

/** The query of the next page by the header `Link`: https://www.rfc-editor.org/rfc/rfc8288 */
export function linkedRest({ headers }: Answer): Readonly<Record<string, string>> | null {
  const link = headers['link']
  if (typeof link !== 'string') return null
  const [, url] = /<([^>]*)>\s*;[^<]*\brel="?next"?/.exec(link) ?? []
  return queryOf(url)
}

export function queryOf(url: string | undefined): Readonly<Record<string, string>> | null {
  const parsed = url === undefined ? null : URL.parse(url, 'https://host.invalid')
  return parsed === null ? null : Object.fromEntries(parsed.searchParams)
}

async function whole(body: AsyncIterable<Buffer>, host: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxBytes) throw new HostProblem('strange', `${host} answered with more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const maxBytes = 8 * 1_048_576

function parsed(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return null
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}
