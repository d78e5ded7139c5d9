import type { Route, RouteDeps } from '../route.ts'

/** `GET /metrics` in the text format of Prometheus. */
export function metricsRoute({ metrics }: RouteDeps): Route {
  return {
    method: 'GET',
    url: '/metrics',
    config: { access: 'metrics' },
    handler: async (_request, reply) => {
      const { contentType, text } = await metrics.read()
      reply.type(contentType)
      return text
    },
  }
}
