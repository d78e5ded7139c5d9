import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Socket } from 'node:net'
import type { DeployMap, Listen } from '../model/deploy-map.ts'
import { createGuard, type Access } from './access.ts'
import { answerBrokenRequest } from './broken-request.ts'
import { createErrorHandler } from './error-handler.ts'
import type { Door } from './http-deps.ts'
import { HttpError } from './http-error.ts'
import type { RouteDeps } from './route.ts'
import { routes } from './routes/index.ts'
import { securityHeaders } from './security-headers.ts'
import { createStrayNotes } from './stray-notes.ts'
import { createProxyTrust } from './trusted-proxies.ts'

export type Server = {
  readonly app: FastifyInstance
  /** As Fastify registered them, so that a test can walk all there are. */
  readonly registered: readonly { readonly method: string; readonly url: string; readonly access: Access }[]
}

/** One listener with every route, which decides for itself whom it lets in; it does not listen yet. */
export function createServer(deps: RouteDeps, { door, listens }: { door: Door; listens: () => Listen | null }): Server {
  const { limits, log, map, closing } = deps
  const answering = new WeakSet<Socket>()
  const notes = createStrayNotes(deps)
  const registered: { method: string; url: string; access: Access }[] = []

  const app = Fastify({
    logger: false,
    schemaController: { compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema } },
    trustProxy: createProxyTrust(map),
    bodyLimit: limits.bodyBytes,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 100 },
    // A path that the router cannot read: no hook of ours has run.
    frameworkErrors: (_error, _request, { raw }) => {
      const { status, body } = new HttpError('not_found')
      raw
        .writeHead(status, { ...securityHeaders, 'content-type': 'application/json; charset=utf-8' })
        .end(JSON.stringify(body))
    },
    clientErrorHandler: (error, socket) => {
      answerBrokenRequest(error, socket, { answering: answering.has(socket), note: notes.broken })
    },
    // Only all of them together cut every kind of slow sender (measured on 5.12.8: reference/security.md §1.4).
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.silenceMs,
    keepAliveTimeout: limits.keepAliveMs,
    http: {
      requestTimeout: limits.requestMs,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.checkMs,
      maxHeaderSize: limits.headerBytes,
      // Node's own refusal would have no body.
      requireHostHeader: false,
    },
  })

  // The exact bytes, whatever their type is said to be: signatures are over those.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })

  app.setErrorHandler(createErrorHandler({ log, lingerMs: limits.lingerMs, note: notes.answered }))
  app.setNotFoundHandler(() => {
    throw new HttpError('not_found')
  })
  app.decorateRequest('caller', '')
  app.decorateRequest('tokenName', null)

  const guard = createGuard({ map, listens, door, warn: deps.warn })
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(securityHeaders)
    if (closing.aborted) reply.header('connection', 'close')
    refuseUnroutable(request, map)
    refuseUnmet(request)
    guard(request)
    // Fastify would refuse the odd types here, before anybody has looked at the signature. `headersOf` keeps the real one.
    request.raw.headers['content-type'] = 'application/octet-stream'
    done()
  })
  app.addHook('onSend', ({ raw }, _reply, _payload, done) => {
    answering.add(raw.socket)
    done()
  })
  app.addHook('onResponse', ({ raw }, _reply, done) => {
    answering.delete(raw.socket)
    done()
  })

  continueLate(app)
  const refuseUnmet = createUnmet(app)

  app.addHook('onRoute', ({ method, url, config }) => {
    const { access } = config ?? {}
    if (access === undefined) throw new Error(`the route ${url} does not say who may use it`)
    for (const each of [method].flat()) registered.push({ method: each, url, access })
  })
  for (const route of routes(deps)) app.route(route)

  return { app, registered }
}

/** No route has one. By itself Fastify would load ajv for them, more than a hundred files. */
function refuseSchema(): never {
  throw new Error('routes have no schema here: what comes is judged by the route itself')
}

/** What else comes on the connection cannot be told from the body of the refused request. */
const closing = { headers: { connection: 'close' } }

/** Before anything of a body is read. */
function refuseUnroutable({ raw, is404 }: FastifyRequest, map: () => DeployMap): void {
  const target = raw.url ?? ''
  // The router would take `http://elsewhere/hooks/x` for `/hooks/x`.
  if (!target.startsWith('/')) throw new HttpError('bad_request')
  // https://www.rfc-editor.org/rfc/rfc9112#section-3.2-6; HTTP/1.0 did not have it.
  if (raw.httpVersion === '1.1' && raw.headers.host === undefined) throw new HttpError('bad_request', closing)
  const [, webhook] = /^\/hooks\/([^/?]+)(?:\?|$)/.exec(target) ?? []
  if (is404 && raw.method !== 'POST' && webhook !== undefined && map().webhooks.has(webhook)) {
    throw new HttpError('method_not_allowed', { headers: { allow: 'POST' } })
  }
  if (is404) throw new HttpError('not_found')
  if (!/^\s*(?:identity\s*)?$/i.test(raw.headers['content-encoding'] ?? '')) throw new HttpError('encoded')
}

/** Another `Expect` than 100-continue: Node's own refusal would have no body. Answers how to refuse such a request. */
function createUnmet(app: FastifyInstance): (request: FastifyRequest) => void {
  const unmet = new WeakSet()
  app.server.on('checkExpectation', (request, response) => {
    unmet.add(request)
    app.server.emit('request', request, response)
  })
  return ({ raw }) => {
    if (unmet.has(raw)) throw new HttpError('expectation_failed', closing)
  }
}

/** `Expect: 100-continue` is granted when the body is about to be read: who is refused before that need not send it. */
function continueLate(app: FastifyInstance): void {
  const expecting = new WeakSet()
  app.server.on('checkContinue', (request, response) => {
    expecting.add(request)
    app.server.emit('request', request, response)
  })
  app.addHook('preParsing', ({ raw }, reply, _payload, done) => {
    if (expecting.has(raw)) reply.raw.writeContinue()
    done()
  })
}
