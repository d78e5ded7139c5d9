import { findWebhook } from '../find.ts'
import { parseBody, simulateBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `POST /api/simulate`: what a delivery would bring about. Nothing of it is kept or run. */
export function simulateRoute({ map, simulate, limits }: RouteDeps): Route {
  return {
    method: 'POST',
    url: '/api/simulate',
    config: { access: 'operate' },
    // The largest delivery, in base64.
    bodyLimit: Math.ceil(limits.deliveryBytes / 3) * 4 + limits.bodyBytes,
    handler: async (request) => {
      const { webhook, headers, payload } = parseBody(simulateBody, request.body)
      const lowerCase = Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value] as const)
      const sent = { headers: Object.fromEntries(lowerCase), body: Buffer.from(payload, 'base64') }
      return simulate(findWebhook(webhook, map()), sent)
    },
  }
}
