import { HttpError } from '../http-error.ts'
import { approveBody, parseBody, parseId } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `POST /api/deployments/<id>/approve`: a person's word for what a push, catch-up or a replay wants deployed. */
export function approveRoute({ store, map, present, clock, log }: RouteDeps): Route {
  return {
    method: 'POST',
    url: '/api/deployments/:id/approve',
    config: { access: 'operate' },
    handler: async (request, reply) => {
      const id = parseId((request.params as { id: string }).id)
      const { by } = parseBody(approveBody, request.body)
      const waiting = await store.deployment(id)
      if (waiting?.state === 'queued' && map().apps.get(waiting.app)?.approve !== true) throw notNeeded(noRule)
      const result = await store.approve(id, { by: request.tokenName ?? by, at: clock.now() })
      if (result === 'not_queued') throw new HttpError('conflict', { as: 'not_queued', message: notQueued })
      if (result === 'not_needed') throw notNeeded('A person asked for it, so it waits for no approval.')
      const deployment = result === 'approved' ? await store.deployment(id) : null
      if (deployment === null)
        throw new HttpError('not_found', {
          as: 'deployment_not_found',
          message: 'There is no deployment with this id.',
        })
      log.info({ app: deployment.app, deployment: id, by: request.caller }, 'deployment approved')
      reply.code(202)
      return { deployment: await present.one(deployment) }
    },
  }
}

const notQueued =
  'It is not queued any more: it runs, is done, or a newer push is in its place. What waits: deployhook deployments --state queued'

const noRule = 'Its app does not ask for approval (approve: true in deploy.yml).'

function notNeeded(message: string): HttpError {
  return new HttpError('conflict', { as: 'not_needed', message })
}
