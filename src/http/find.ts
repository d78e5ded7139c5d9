import type { App, DeployMap, Webhook } from '../model/deploy-map.ts'
import { refAskedFor } from '../model/ref-filter.ts'
import { HttpError } from './http-error.ts'

/** The webhook that somebody names, or a 404 with those that there are. */
export function findWebhook(name: string, { webhooks }: DeployMap): Webhook {
  const found = webhooks.get(name)
  if (found !== undefined) return found
  const known = webhooks.size === 0 ? 'none' : [...webhooks.keys()].join(', ')
  const message = `No webhook of deploy.yml has this name; it has ${known}.`
  throw new HttpError('not_found', { as: 'webhook_not_found', message })
}

/** The app that somebody names, or a 404. */
export function findApp(name: string, { apps }: DeployMap): App {
  const found = apps.get(name)
  if (found !== undefined) return found
  throw new HttpError('not_found', { as: 'app_not_found', message: 'No app of deploy.yml has this name.' })
}

/** The ref that somebody asks an app to deploy: the one named, or else what the app deploys; or a 409 that asks for one. */
export function findRef(app: App, asked: { readonly named: string | null; readonly newest: string | null }): string {
  const found = refAskedFor(app, asked)
  if ('problem' in found) throw new HttpError('conflict', { as: 'no_ref', message: found.problem })
  return found.ref
}
