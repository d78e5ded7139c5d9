import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listening } from '../reporters/sink.ts'
import { dialects } from './dialects.ts'

/** A hook as a fake host keeps it: what is asked of it, whatever its API calls that. */
export type KeptHook = {
  readonly id: string
  url: string
  secret: string | null
  isActive: boolean
  pushes: boolean
  isJson: boolean
  verifiesTls: boolean
  /** What else the operator had set, which must outlive us. */
  extra: Readonly<Record<string, unknown>>
}

export type SentOnce = { at: string; event: string; status: number; providerId: string | null }

export type FakeRequest = {
  readonly method: string
  /** Below the API, for the one repository it has: `/hooks/7`. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: IncomingMessage['headers']
}

export type FakeAnswer = {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** The part of an API that differs from host to host. */
export type Dialect = {
  /** The path of the repository's hooks below the API. */
  readonly hooksPath: string
  /** What the token has to come as. */
  readonly shows: (headers: IncomingMessage['headers'], token: string) => boolean
  readonly answer: (request: FakeRequest, host: FakeState) => FakeAnswer | null
}

export type FakeState = {
  readonly apiUrl: string
  readonly hooks: KeptHook[]
  readonly sent: Map<string, SentOnce[]>
  /** Sends the host's test of a hook. */
  readonly onTest: (hook: KeptHook) => void
  readonly nextId: () => number
}

export type FakeHost = {
  readonly apiUrl: string
  readonly token: string
  readonly hooks: readonly KeptHook[]
  readonly sent: Map<string, SentOnce[]>
  readonly asked: readonly (FakeRequest & { readonly url: string })[]
  /** After each request, the secrets by which a push to `url` would have been sent. */
  readonly secretsSeen: (url: string) => readonly (readonly string[])[]
  add(hook: Partial<KeptHook>): KeptHook
  /** Answers everything from now on. */
  /** Answers requests by this method with 500 from now on. */
  refuse(method: string | null): void
  answerAll(answer: ((response: ServerResponse) => void) | null): void
}

/** A git host on this machine with one repository, acme/blog, that behaves as reference/providers.md and the hosts' sources say. */
export async function startFakeHost(
  provider: string,
  { onTest = () => undefined }: { readonly onTest?: (hook: KeptHook, host: FakeHost) => void } = {},
): Promise<FakeHost> {
  const dialect = dialectOf(provider)
  const token = `token-of-${provider}-0123456789abcdef`
  const hooks: KeptHook[] = []
  const asked: (FakeRequest & { readonly url: string })[] = []
  const history: KeptHook[][] = []
  const sent = new Map<string, SentOnce[]>()
  let id = 100
  let refused: string | null = null
  let instead: ((response: ServerResponse) => void) | null = null

  const server = createServer((request, response) => {
    void read(request).then((text) => {
      const url = new URL(request.url ?? '/', 'http://fake')
      const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
      const { method = '', headers } = request
      const path = decodeURIComponent(url.pathname.replace('/api', '').replace(dialect.hooksPath, '/hooks'))
      const one = { method, path, query: url.searchParams, body, headers, url: request.url ?? '' }
      asked.push(one)
      if (instead !== null) {
        instead(response)
        return
      }
      const answer = answerOf(one, url.pathname)
      history.push(hooks.map((hook) => ({ ...hook })))
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      response.end(answer.body === undefined ? '' : JSON.stringify(answer.body))
    })
  })
  const apiUrl = `http://127.0.0.1:${await listening(server)}/api`
  const host: FakeHost = {
    ...{ apiUrl, token, hooks, asked, sent },
    secretsSeen: (url) =>
      history.map((then) =>
        then.filter((hook) => hook.url === url && hook.isActive && hook.pushes).map(({ secret }) => secret ?? ''),
      ),
    add(hook) {
      const made = { ...plain(String((id += 1))), ...hook }
      hooks.push(made)
      return made
    },
    refuse(method) {
      refused = method
    },
    answerAll(answer) {
      instead = answer
    },
  }
  const state: FakeState = {
    ...{ apiUrl, hooks, sent },
    nextId: () => (id += 1),
    onTest: (hook) => {
      onTest(hook, host)
    },
  }
  return host

  function answerOf(request: FakeRequest, pathname: string): FakeAnswer {
    if (request.method === refused) return { status: 500, body: {} }
    if (!dialect.shows(request.headers, token)) return { status: 401, body: { message: 'Bad credentials' } }
    if (!pathname.startsWith(`/api${dialect.hooksPath}`)) return { status: 404, body: { message: 'Not Found' } }
    return dialect.answer(request, state) ?? { status: 404, body: { message: 'Not Found' } }
  }
}

function dialectOf(provider: string): Dialect {
  const dialect = dialects[provider]
  if (dialect === undefined) throw new Error(`there is no fake ${provider}`)
  return dialect
}

export function plain(id: string): KeptHook {
  return {
    ...{ id, url: 'https://elsewhere.example.com/', secret: null, isActive: true, pushes: true },
    ...{ isJson: true, verifiesTls: true, extra: {} },
  }
}

async function read(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}
