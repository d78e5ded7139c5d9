import { Agent, request } from 'undici'
import { proxyStatus } from '../doctor/proxy-status.ts'
import type { SampleView } from './api.ts'
import { CliError, exit } from './cli-error.ts'
import { causeCode } from './connect.ts'

/** Where a delivery goes: over TCP, or to the daemon's own listener on a unix socket. */
export type Target = { readonly url: string; readonly socketPath: string | null; readonly shown: string }

/** What came back, and what it means. */
export type HookAnswer = {
  readonly status: number | null
  readonly body: unknown
  /** The delivery was accepted by a deployhook. */
  readonly isGood: boolean
  readonly lines: readonly string[]
}

/** The address of a webhook below `base`: a whole hook URL, the URL of a host or proxy, or `unix:/path`. */
export function hookUrl(base: string, webhook: string): Target {
  if (base.startsWith('unix:')) {
    const url = `http://localhost/hooks/${webhook}`
    return { url, socketPath: base.slice('unix:'.length), shown: `${base} /hooks/${webhook}` }
  }
  const url = URL.parse(base)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new CliError('--url is no URL: write it like https://deploy.example.com', { exitCode: exit.usage })
  if (!url.pathname.includes('/hooks/')) url.pathname = `${url.pathname.replace(/\/+$/, '')}/hooks/${webhook}`
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  return { url: url.href, socketPath: null, shown: shown.href }
}

/** Sends a signed push and says what came back. A redirect is not followed: no git host follows one. */
export async function sendDelivery({ url, socketPath }: Target, { headers, body }: SampleView): Promise<HookAnswer> {
  const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connectTimeout: timeoutMs }
  const agent = new Agent({ ...timeouts, ...(socketPath === null ? {} : { connect: { socketPath } }) })
  try {
    const answer = await request(url, {
      dispatcher: agent,
      method: 'POST',
      headers: { ...headers },
      body: Buffer.from(body, 'base64'),
    })
    const text = await answer.body.text()
    return judge({ status: answer.statusCode, headers: answer.headers, text })
  } catch (error) {
    const code = causeCode(error) ?? (error instanceof Error ? error.message : 'unknown error')
    return { status: null, body: null, isGood: false, lines: [`nothing came back: ${code}`, ...unreachable(code)] }
  } finally {
    await agent.destroy()
  }
}

const timeoutMs = 30_000

type Raw = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

type Ours = {
  readonly result?: string
  readonly reason?: string | null
  readonly delivery?: number
  readonly deployments?: readonly { readonly id: number; readonly app: string }[]
  readonly error?: { readonly code?: string; readonly message?: string }
}

function judge(raw: Raw): HookAnswer {
  const { status } = raw
  const body = ours(raw)
  if (body === null) return { status, body: raw.text.slice(0, 2000), isGood: false, lines: fromElsewhere(raw) }
  return { status, body, isGood: status === 202, lines: fromUs(status, body) }
}

/** The body, if it is one that a deployhook writes: others answer `{"error": "Not Found"}` or `{"result": "ok"}`. */
function ours({ text }: Raw): Ours | null {
  try {
    const body: unknown = JSON.parse(text)
    return isRecord(body) && (isResult(body) || isError(body)) ? body : null
  } catch {
    return null
  }
}

function isResult({ result, delivery, deployments = [] }: Readonly<Record<string, unknown>>): boolean {
  if (result === 'refused') return true
  const isList = Array.isArray(deployments) && deployments.every(isDeployment)
  return typeof result === 'string' && results.has(result) && Number.isSafeInteger(delivery) && isList
}

const results = new Set(['accepted', 'ignored', 'duplicate'])

function isDeployment(one: unknown): boolean {
  return isRecord(one) && Number.isSafeInteger(one['id']) && typeof one['app'] === 'string'
}

function isError({ error }: Readonly<Record<string, unknown>>): boolean {
  return isRecord(error) && typeof error['code'] === 'string' && typeof error['message'] === 'string'
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fromUs(status: number, { result, reason, delivery, deployments = [], error }: Ours): readonly string[] {
  if (status === 202) {
    const made = deployments.map(({ id, app }) => `deployment ${id} of ${app} is queued: deployhook logs -f ${id}`)
    return [`${status} accepted as delivery ${delivery ?? '?'}: the way is open`, ...made]
  }
  if (status === 200) {
    const said = `${status} ${result ?? ''} (${reason ?? 'no reason'}): it came and was believed, but wants no deployment`
    return [said, `see: deployhook explain delivery ${delivery ?? ''}`]
  }
  if (status === 401) {
    const changed = 'something on the way changes the body or drops headers, or it is another daemon that answers'
    return [`${status} refused: the signature does not fit`, changed]
  }
  return [`${status} ${error?.code ?? ''}: ${error?.message ?? 'no reason'}`]
}

function fromElsewhere({ status, headers }: Raw): readonly string[] {
  const server = headers['server']
  const who = server === undefined ? '' : ` but of ${String(server)}`
  const location = headers['location'] === undefined ? '' : `: ${String(headers['location'])}`
  return [`${status}, and the answer is not deployhook’s${who}`, `${proxyStatus(status)}${location}`]
}

function unreachable(code: string): readonly string[] {
  const cure = cures.get(code) ?? (/CERT|SELF_SIGNED|UNABLE_TO/.test(code) ? cures.get('tls') : undefined)
  return cure === undefined ? [] : [cure]
}

const cures = new Map([
  ['ENOTFOUND', 'the name is not known to DNS'],
  ['EAI_AGAIN', 'DNS does not answer'],
  ['ECONNREFUSED', 'nothing listens at this address and port'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'that port speaks plain http, not TLS: write http://'],
  ['ECONNRESET', 'the connection was cut: does that port speak TLS (https) or plain http?'],
  ['UND_ERR_CONNECT_TIMEOUT', 'no connection: a firewall drops it, or the address is wrong'],
  ['UND_ERR_HEADERS_TIMEOUT', 'connected, but no answer came'],
  ['CERT_HAS_EXPIRED', 'the certificate has expired: git hosts check it as well, so renew it first'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'the certificate is for another name: git hosts check it as well, so mend it first'],
  ['tls', 'the certificate is not trusted: git hosts check it as well, so mend it first'],
])
