import { StoreError } from '../../store/errors.ts'
import { HttpError } from '../http-error.ts'
import { emptyBody, parseBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `POST /api/backup`: a copy of the database as it is now, whole and consistent. Over the control socket alone. */
export function backupRoute({ store, log }: RouteDeps): Route {
  return {
    method: 'POST',
    url: '/api/backup',
    config: { access: 'control' },
    handler: async (request, reply) => {
      parseBody(emptyBody, request.body)
      log.info({ by: request.caller }, 'backup requested')
      const { size, stream } = await store.backup().catch(explain)
      return reply.type('application/vnd.sqlite3').header('content-length', size).send(stream)
    },
  }
}

function explain(error: unknown): never {
  if (!(error instanceof StoreError)) throw error
  throw new HttpError('unavailable', { message: `No backup could be made: ${error.message}` })
}
