import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Deployment } from '../../model/deployment.ts'
import { openEventStream } from '../event-stream.ts'
import { follow } from '../follow.ts'
import { HttpError } from '../http-error.ts'
import { logQuery, parseAs, parseId } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `GET /api/deployments/<id>/log`: the file as it is, or with `?follow` what happens from now on as events. */
export function deploymentLogRoute(deps: RouteDeps): Route {
  const { store, limits, closing, log } = deps
  return {
    method: 'GET',
    url: '/api/deployments/:id/log',
    config: { access: 'read' },
    handler: async (request, reply) => {
      const id = parseId((request.params as { id: string }).id)
      const query = parseAs(logQuery, request.query)
      const deployment = await store.deployment(id)
      if (deployment === null) {
        throw new HttpError('not_found', {
          as: 'deployment_not_found',
          message: 'There is no deployment with this id.',
        })
      }
      if (query.follow !== undefined) return sendEvents({ deployment, offset: offsetOf(request) }, reply)
      reply.type('text/plain; charset=utf-8')
      const file = await store.readLog(id)
      return reply.send(file === null ? '' : file.stream)
    },
  }

  function sendEvents(
    from: { readonly deployment: Deployment; readonly offset: number },
    reply: FastifyReply,
  ): FastifyReply {
    const stream = openEventStream({
      ...{ heartbeatMs: limits.heartbeatMs, patienceMs: limits.followerMs, closing },
      onTooSlow: () => {
        log.info({ deployment: from.deployment.id }, 'a reader that follows a log is too slow and is let go')
      },
    })
    follow(from, stream, deps).catch((error: unknown) => {
      if (!stream.signal.aborted) log.error({ err: error, deployment: from.deployment.id }, 'following a log failed')
      stream.end()
    })
    // nginx would otherwise hold the lines back: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
    reply.header('content-type', 'text/event-stream; charset=utf-8').header('x-accel-buffering', 'no')
    return reply.send(stream.body)
  }
}

/** Where to go on: the `id` of the last event that the reader has seen. */
function offsetOf(request: FastifyRequest): number {
  const id = request.headers['last-event-id']
  if (id === undefined) return 0
  if (typeof id === 'string' && /^\d{1,15}$/.test(id)) return Number(id)
  throw new HttpError('bad_request', {
    as: 'invalid_request',
    message: 'Last-Event-ID: must be the id of an event of this log',
  })
}
