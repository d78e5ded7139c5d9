import { HttpError } from '../http-error.ts'
import { pageOf } from '../page.ts'
import { deliveriesQuery, parseAs, parseId } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/** Deliveries as they were kept, and in the list the latest requests that were not believed. */
export function deliveryRoutes({ store, map, refusals }: RouteDeps): readonly Route[] {
  return [
    {
      method: 'GET',
      url: '/api/deliveries',
      config: { access: 'read' },
      handler: async (request) => {
        const { limit, webhook, app, providerId, before } = parseAs(deliveriesQuery, request.query)
        const found = await store.deliveries({
          limit: limit + 1,
          ...(webhook === undefined ? {} : { webhook }),
          ...(app === undefined ? {} : { app }),
          ...(providerId === undefined ? {} : { providerId }),
          ...(before === undefined ? {} : { before }),
        })
        const { items, next } = pageOf(found, limit)
        const names = webhook === undefined ? [...map().webhooks.keys()] : [webhook]
        const refused = names
          .flatMap((name) => refusals.recent(name))
          .filter((refusal) => providerId === undefined || refusal.providerId === providerId)
          .toSorted((one, other) => other.at.getTime() - one.at.getTime())
        return { deliveries: items, next, refused }
      },
    },
    {
      method: 'GET',
      url: '/api/deliveries/:id',
      config: { access: 'read' },
      handler: async (request) => {
        const delivery = await store.delivery(parseId((request.params as { id: string }).id))
        if (delivery === null) {
          throw new HttpError('not_found', { as: 'delivery_not_found', message: 'There is no delivery with this id.' })
        }
        return delivery
      },
    },
  ]
}
