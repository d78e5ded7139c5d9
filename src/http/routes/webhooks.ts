import type { Webhook } from '../../model/deploy-map.ts'
import type { Route, RouteDeps } from '../route.ts'

/** `GET /api/webhooks`: where deliveries may come from, what came last, and which secret proved something when. */
export function webhookRoute(deps: RouteDeps): Route {
  return {
    method: 'GET',
    url: '/api/webhooks',
    config: { access: 'read' },
    handler: async () => ({
      webhooks: await Promise.all([...deps.map().webhooks.values()].map((webhook) => webhookView(webhook, deps))),
    }),
  }
}

export async function webhookView(
  { name, provider, secrets }: Webhook,
  { store, refusals, map }: RouteDeps,
): Promise<object> {
  const { publicUrl } = map().server
  const path = `/hooks/${name}`
  const [[last], uses] = await Promise.all([
    store.deliveries({ webhook: name, limit: 1 }),
    store.secretUses(name, secrets),
  ])
  return {
    name,
    provider,
    path,
    url: publicUrl === null ? null : publicUrl + path,
    secrets: uses.map((lastUsedAt, index) => ({ number: index + 1, lastUsedAt })),
    lastDelivery:
      last === undefined ? null : { id: last.id, at: last.receivedAt, result: last.result, reason: last.reason },
    refused: { count: refusals.count(name), last: refusals.recent(name)[0] ?? null },
  }
}
