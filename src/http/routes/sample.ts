import type { App, DeployMap, Webhook } from '../../model/deploy-map.ts'
import { composeSample } from '../../sample.ts'
import { findApp, findRef, findWebhook } from '../find.ts'
import { HttpError } from '../http-error.ts'
import { parseBody, sampleBody } from '../queries.ts'
import type { Route, RouteDeps } from '../route.ts'

/**
 * `POST /api/webhooks/<webhook>/sample`: a signed push for `deployhook send`. Some hosts send the secret itself along,
 * so this is for the control socket alone: whoever may open that may deploy anyway.
 */
export function sampleRoute({ map, store, clock, log }: RouteDeps): Route {
  return {
    method: 'POST',
    url: '/api/webhooks/:webhook/sample',
    config: { access: 'control' },
    handler: async (request) => {
      const { webhook: name } = request.params as { webhook: string }
      const { app: wanted } = parseBody(sampleBody, request.body)
      const webhook = findWebhook(name, map())
      const app = wanted === undefined ? onlyApp(webhook, map()) : findApp(wanted, map())
      const [newest] = await store.deployments({ app: app.name, limit: 1 })
      const live = await store.live(app.name)
      const ref = findRef(app, { named: null, newest: live.ref ?? newest?.ref ?? null })
      const { headers, body } = composeSample(webhook, app, { ref, live: live.revision, at: clock.now() })
      log.info({ webhook: name, app: app.name, by: request.caller }, 'sample push signed')
      return { app: app.name, ref, headers, body: body.toString('base64') }
    },
  }
}

function onlyApp(webhook: Webhook, map: DeployMap): App {
  const apps = [...map.apps.values()].filter((app) => app.webhook === null || app.webhook === webhook.name)
  const [app, another] = apps
  if (app !== undefined && another === undefined) return app
  const names = apps.map(({ name }) => name).join(', ')
  const message = app === undefined ? 'No app of deploy.yml takes pushes from this webhook.' : `Name an app: ${names}.`
  throw new HttpError('conflict', { as: 'which_app', message })
}
