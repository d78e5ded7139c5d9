import type { NotReplayed } from '../../ingest/received.ts'
import { HttpError } from '../http-error.ts'
import { answerJudged } from '../judged-answer.ts'
import { emptyBody, parseBody, parseId } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `POST /api/deliveries/<id>/replay`: a kept delivery is judged again, and answered as its webhook would. */
export function replayRoute({ ingest, metrics, log }: RouteDeps): Route {
  return {
    method: 'POST',
    url: '/api/deliveries/:id/replay',
    config: { access: 'operate' },
    handler: async (request, reply) => {
      parseBody(emptyBody, request.body)
      const id = parseId((request.params as { id: string }).id)
      log.info({ delivery: id, by: request.caller }, 'replay requested')
      const replayed = await ingest.replay(id)
      if (!('delivery' in replayed)) throw refusal(replayed)
      metrics.replay(replayed.result)
      return answerJudged(replayed, reply)
    },
  }
}

function refusal(not: NotReplayed): HttpError {
  if (not.result === 'unknown') {
    return new HttpError('not_found', { as: 'delivery_not_found', message: 'There is no delivery with this id.' })
  }
  const deploy = not.apps.length === 0 ? ['deployhook deploy APP'] : not.apps.map((app) => `deployhook deploy ${app}`)
  const instead = `Deploy the tip of the branch instead: ${deploy.join(', ')}`
  return new HttpError('conflict', { as: codes[not.result], message: `${meanings[not.result]} ${instead}` })
}

const codes = {
  not_kept: 'delivery_not_kept',
  webhook_gone: 'webhook_removed',
  other_provider: 'provider_changed',
} as const

const meanings = {
  not_kept:
    'What this delivery said is not kept (any more): for its age (server.keep_deliveries in deploy.yml), or for want of room.',
  webhook_gone: 'The webhook that it came to is not in deploy.yml any more.',
  other_provider: 'The webhook that it came to has another provider now, which cannot read it.',
} as const
