import { setImmediate } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Received } from '../../ingest.ts'
import type { Webhook } from '../../model/deploy-map.ts'
import { headersOf } from '../headers.ts'
import { HttpError } from '../http-error.ts'
import { answerJudged } from '../judged-answer.ts'
import { createRefusalLimit } from '../refusal-limit.ts'
import type { Route, RouteDeps } from '../route.ts'
import { createSlots } from '../slots.ts'
import { addressOf } from '../trusted-proxies.ts'

/** `POST /hooks/<webhook>`: the bytes go to ingest as they came; what became of them is the answer (DESIGN §6). */
export function hookRoute(deps: RouteDeps): Route {
  const { map, ingest, clock, failPoint, limits, metrics } = deps
  const slot = createSlots(limits.largeBodies)
  const answer = createAnswer(deps)

  return {
    method: 'POST',
    url: '/hooks/:webhook',
    config: { access: 'hook' },
    bodyLimit: limits.deliveryBytes,

    onRequest: (request, _reply, done) => {
      webhookOf(request)
      if (declared(request) > limits.deliveryBytes) throw new HttpError('too_large')
      done()
    },

    // Nobody has proven anything yet, so the memory for large bodies is bounded: their senders wait.
    preParsing: async (request, reply) => {
      if (mayBe(request) > limits.largeBytes) await slot(reply.raw)
    },

    handler: async (request, reply) => {
      const webhook = webhookOf(request)
      const delivery = {
        webhook: webhook.name,
        body: request.body instanceof Buffer ? request.body : Buffer.alloc(0),
        headers: headersOf(request.raw),
        receivedAt: clock.now(),
        remoteAddress: addressOf(request),
      }
      // Its bytes have just been put together, and are hashed next: in between somebody else has a turn.
      if (delivery.body.length > limits.largeBytes) await setImmediate()
      const received = await ingest.receive(delivery, webhook).catch((error: unknown) => {
        metrics.unkept(webhook.name)
        throw error
      })
      if (received.result !== 'refused')
        reply.raw.once('finish', () => {
          failPoint('after-answer')
        })
      return answer({ received, webhook, remoteAddress: delivery.remoteAddress }, reply)
    },
  }

  function webhookOf(request: FastifyRequest): Webhook {
    const { webhook } = request.params as { webhook: string }
    const found = map().webhooks.get(webhook)
    if (found === undefined) throw new HttpError('not_found')
    return found
  }
}

/** What the sender says of its body's length, in bytes: one that comes in chunks says nothing. */
function declared({ raw: { headers } }: FastifyRequest): number {
  return Number(headers['content-length'] ?? 0)
}

function mayBe(request: FastifyRequest): number {
  return request.raw.headers['transfer-encoding'] === undefined ? declared(request) : Infinity
}

type Judged = { readonly received: Received; readonly webhook: Webhook; readonly remoteAddress: string }

function createAnswer({
  metrics,
  warn,
  limits,
  monotonic,
}: RouteDeps): (judged: Judged, reply: FastifyReply) => object {
  const mayRefuse = createRefusalLimit({
    burst: limits.refusalBurst,
    everyMs: limits.refusalMs,
    maxAddresses: 10_000,
    now: monotonic,
  })

  return ({ received, webhook, remoteAddress }, reply) => {
    if (received.result === 'refused') {
      const { reason } = received
      metrics.refusal(webhook.name, reason)
      warn(`refused ${webhook.name}`, { webhook: webhook.name, reason, remoteAddress }, 'delivery refused')
      if (!mayRefuse(remoteAddress)) throw tooMany
      reply.code(401)
      return { result: 'refused' }
    }

    metrics.delivery(webhook.name, received.result)
    return answerJudged(received, reply)
  }
}

/** Made once: where an attacker sends thousands, each stack trace would cost as much as the proof. */
const tooMany = new HttpError('too_many_refused', { headers: { 'retry-after': '60' } })
