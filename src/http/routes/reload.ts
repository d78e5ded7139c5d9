import { HttpError } from '../http-error.ts'
import { emptyBody, parseBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `POST /api/reload`: reads deploy.yml again. 422 with all its problems when it cannot be used. */
export function reloadRoute({ reload, log }: RouteDeps): Route {
  return {
    method: 'POST',
    url: '/api/reload',
    config: { access: 'operate' },
    handler: async (request) => {
      parseBody(emptyBody, request.body)
      log.info({ by: request.caller }, 'reload requested')
      const reloaded = await reload()
      if (reloaded.kind === 'refused') throw new HttpError('config_refused', { more: { problems: reloaded.problems } })
      return { result: 'reloaded', warnings: reloaded.warnings }
    },
  }
}
