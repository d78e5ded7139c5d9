import type { FastifyReply, FastifyRequest } from 'fastify'
import { errorCode } from '../lib/error-code.ts'
import type { Log } from '../lib/log.ts'
import { StoreError } from '../store/errors.ts'
import { HttpError } from './http-error.ts'

/** Turns whatever a route threw into one of our own answers: no text of a library, no stack and no path goes out. */
export function createErrorHandler({
  log,
  lingerMs,
  note,
}: {
  readonly log: Log
  readonly lingerMs: number
  /** Told of every answer that is an error. */
  readonly note: (request: FastifyRequest, code: string) => void
}): (error: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  return (error, request, reply) => {
    const answer = answerTo(error)
    if (answer.status >= 500) {
      log.error(
        { err: error, method: request.method, route: request.routeOptions.url, status: answer.status },
        'request failed',
      )
    }
    note(request, answer.body.error.code)
    if (answer.status === 413) linger(request, reply, lingerMs)
    reply.code(answer.status).headers(answer.headers).send(answer.body)
  }
}

/**
 * A connection that is closed while its sender still sends is reset, and the answer lost on the way. So what comes is
 * thrown away for a while; a sender that goes on for longer is cut.
 */
function linger({ raw }: FastifyRequest, reply: FastifyReply, lingerMs: number): void {
  reply.removeHeader('connection')
  const cut = setTimeout(() => {
    if (!raw.complete) raw.socket.destroy()
  }, lingerMs)
  raw.once('close', () => {
    clearTimeout(cut)
  })
}

function answerTo(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (error instanceof StoreError) return new HttpError('unavailable', { headers: { 'retry-after': '10' } })
  if (!(error instanceof Error)) return new HttpError('internal')
  if (errorCode(error) === 'FST_ERR_CTP_BODY_TOO_LARGE') return new HttpError('too_large')
  // What is left of Fastify's own with a 4xx is a request that broke off or contradicts itself.
  const status = 'statusCode' in error ? Number(error.statusCode) : 500
  if (status >= 400 && status < 500) return new HttpError('bad_request')
  return new HttpError('internal')
}
