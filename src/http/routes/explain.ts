import { HttpError } from '../http-error.ts'
import { explainQuery, parseAs } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `GET /api/explain?subject=`: what happened and what to do next; without a subject, to the latest of everything. */
export function explainRoute({ explain }: RouteDeps): Route {
  return {
    method: 'GET',
    url: '/api/explain',
    config: { access: 'read' },
    handler: async (request) => {
      const { subject = '' } = parseAs(explainQuery, request.query)
      const explanation = await explain(subject === '' ? null : subject)
      if (explanation === null) {
        throw new HttpError('not_found', {
          as: 'nothing_known',
          message:
            'Nothing is known by this name or number: see deployhook apps, deployments and deliveries. A delivery that is in none of them never arrived here (or came under a wrong URL), could not be kept (503), or was refused before the last restart.',
        })
      }
      return explanation
    },
  }
}
