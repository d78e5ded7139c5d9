import type { Webhook } from '../../model/deploy-map.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `GET /api/status`: how the daemon is, at a glance. */
export function statusRoute(deps: RouteDeps): Route {
  const { store, map, config, draining, address, startedAt, version } = deps
  return {
    method: 'GET',
    url: '/api/status',
    config: { access: 'read' },
    handler: async () => {
      const { webhooks, server } = map()
      const { file, loadedAt, problems } = config()
      const queue = await store.queue()
      const running = queue.filter(({ state }) => state === 'running').length
      return {
        version,
        startedAt,
        listen: address(),
        config: { file, loadedAt, problems },
        webhooks: await Promise.all([...webhooks.values()].map((webhook) => webhookStatus(webhook, deps))),
        running,
        queued: queue.length - running,
        maxRunning: server.maxRunning,
        draining: draining(),
      }
    },
  }
}

async function webhookStatus({ name, provider }: Webhook, { store, refusals }: RouteDeps): Promise<object> {
  const [last] = await store.deliveries({ webhook: name, limit: 1 })
  return {
    name,
    provider,
    path: `/hooks/${name}`,
    lastDelivery:
      last === undefined ? null : { id: last.id, at: last.receivedAt, result: last.result, reason: last.reason },
    refused: { count: refusals.count(name), last: refusals.recent(name)[0] ?? null },
  }
}
