import { HttpError } from '../http-error.ts'
import { doctorBody, parseBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/**
 * `POST /api/doctor`: what is wrong with the daemon, or will be. It asks addresses that the caller names, so it is for the
 * control socket alone; one at a time, as it asks every git host, too.
 */
export function doctorRoute({ doctor }: RouteDeps): Route {
  let isAtWork = false
  return {
    method: 'POST',
    url: '/api/doctor',
    config: { access: 'control' },
    handler: async (request) => {
      const { urls } = parseBody(doctorBody, request.body)
      if (isAtWork) throw new HttpError('conflict', { message: 'A doctor is at work already: wait half a minute.' })
      isAtWork = true
      try {
        return { findings: await doctor(new Map(Object.entries(urls))) }
      } finally {
        isAtWork = false
      }
    },
  }
}
