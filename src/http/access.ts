import type { FastifyRequest } from 'fastify'
import type { DeployMap, Listen } from '../model/deploy-map.ts'
import { headersOf } from './headers.ts'
import { hostNameIn, isOwnHost } from './host-names.ts'
import type { Door } from './http-deps.ts'
import { HttpError } from './http-error.ts'
import { tokenIn } from './tokens.ts'

/**
 * Who may use a route: `hook` proves itself by its signature; `health` is for everybody; the rest needs a token when it
 * comes over the public listener, and one that may `operate` to change anything. `control` is not for the public
 * listener at all.
 */
export type Access = 'hook' | 'health' | 'metrics' | 'read' | 'operate' | 'control'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyRequest {
    /** Who asks, for the log: the name of a token, or `socket`. */
    caller: string
    /** The token that it came with; null: over the control socket, or a route that asks for none. */
    tokenName: string | null
  }
}

export type GuardDeps = {
  readonly map: () => DeployMap
  readonly listens: () => Listen | null
  readonly door: Door
  readonly warn: (kind: string, fields: object, message: string) => void
}

/** Lets a request through to its route or throws the answer. A route that does not say who may use it needs `operate`. */
export function createGuard({ map, listens, door, warn }: GuardDeps): (request: FastifyRequest) => void {
  return (request) => {
    const access = request.routeOptions.config.access ?? 'operate'
    if (access === 'hook' || access === 'health') return
    if (door === 'control') {
      request.caller = 'socket'
      return
    }
    const { host, authorization } = headersOf(request.raw)
    if (!isOwnHost(host, map(), listens())) throw wrongHost(host)
    if (access === 'metrics' && map().server.metrics === 'public') return
    authorize(request, access, authorization)
    if (access === 'control') throw new HttpError('forbidden', { message: 'This is for the control socket alone.' })
  }

  function wrongHost(host: string | undefined): HttpError {
    warn(
      'host',
      { host: hostNameIn(host) },
      'request with a foreign Host name refused; if it is yours, add it to server.hosts in deploy.yml',
    )
    return new HttpError('host_not_allowed')
  }

  function authorize(request: FastifyRequest, access: Access, authorization: string | undefined): void {
    const token = tokenIn(authorization, map().server.apiTokens)
    if (token === null)
      throw new HttpError('unauthorized', { headers: { 'www-authenticate': 'Bearer realm="deployhook"' } })
    if (access !== 'read' && access !== 'metrics' && token.can !== 'operate') throw new HttpError('forbidden')
    request.caller = token.name
    request.tokenName = token.name
  }
}
