import type { FastifyRequest } from 'fastify'
import type { Socket } from 'node:net'
import type { StrayReason } from '../model/delivery.ts'
import { providers } from '../providers/index.ts'
import type { HttpDeps } from './http-deps.ts'
import type { HttpErrorCode } from './http-error.ts'
import { addressOf } from './trusted-proxies.ts'

/** Remembers requests that were meant for a webhook and never reached one, for `explain`. */
export type StrayNotes = {
  /** One that was answered with this error. */
  readonly answered: (request: FastifyRequest, code: string) => void
  /** One that never became a request. */
  readonly broken: (socket: Socket, code: HttpErrorCode) => void
}

export function createStrayNotes({ strays, clock }: Pick<HttpDeps, 'strays' | 'clock'>): StrayNotes {
  return {
    answered(request, code) {
      const reason = reasons[code]
      if (reason === undefined) return
      const webhook = webhookIn(request.raw.url ?? '')
      const isMeant = webhook !== null || (reason === 'no_webhook' && looksLikeDelivery(request))
      if (isMeant) strays.record({ at: clock.now(), remoteAddress: addressOf(request), webhook, reason })
    },
    broken(socket, code) {
      const reason = reasons[code]
      if (reason === undefined) return
      strays.record({ at: clock.now(), remoteAddress: socket.remoteAddress ?? 'unix', webhook: null, reason })
    },
  }
}

const reasons: Readonly<Record<string, StrayReason>> = {
  not_found: 'no_webhook',
  method_not_allowed: 'method',
  timeout: 'timeout',
  too_large: 'too_large',
  encoded: 'encoded',
  too_many_refused: 'rate_limited',
  headers_too_large: 'headers_too_large',
} satisfies Partial<Record<HttpErrorCode, StrayReason>>

/** The name that stands in the path of a hook, whatever comes after it; null: another path. */
function webhookIn(target: string): string | null {
  return /^\/hooks\/([^/?]*)/.exec(target)?.[1] ?? null
}

/** A git host that was given a URL without /hooks/ says by its headers what it is. */
function looksLikeDelivery({ raw }: FastifyRequest): boolean {
  return raw.method === 'POST' && hostHeaders.some((name) => raw.headers[name] !== undefined)
}

const hostHeaders = Object.values(providers).flatMap(({ headers }) => headers)
