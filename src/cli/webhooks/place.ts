import { hostOf, webAddressOf, type GitHost } from '../../hosts/index.ts'
import type { App, DeployMap, Webhook } from '../../model/deploy-map.ts'
import { providers } from '../../providers/index.ts'
import { CliError, exit } from '../cli-error.ts'
import type { Cli } from '../command.ts'
import { loadMap } from '../load-map.ts'
import type { HostOptions } from './commands.ts'

/** Where an app's pushes come from and go to. */
export type Place = {
  readonly map: DeployMap
  readonly app: App
  readonly webhook: Webhook
  /** What the host is to send to. */
  readonly url: string
  readonly host: GitHost
  /** As the host calls the repository: `acme/blog`. */
  readonly path: string
  readonly apiUrl: string
}

/** Finds out all that can be known before anybody is asked; fails with what is missing and how to say it. */
export async function findPlace(name: string, options: HostOptions, cli: Cli): Promise<Place> {
  const map = await loadMap(options.config, cli)
  const app = map.apps.get(name)
  if (app === undefined)
    throw usage(`no app of ${map.file} has this name (there is ${[...map.apps.keys()].join(', ')})`)
  const webhook = webhookOf(app, map, options.webhook)
  const host = hostOf(webhook.provider)
  if (host === null) throw usage(unknownApi(webhook))
  const base = options.publicUrl ?? map.server.publicUrl
  if (base === null)
    throw usage(
      'nobody says how the daemon is reached from outside: add server.public_url to deploy.yml, or say --public-url https://deploy.example.com',
    )
  return {
    map,
    app,
    webhook,
    host,
    url: hookUrlBelow(base, webhook.name),
    ...placeOf(app, { host, apiUrl: options.apiUrl }),
  }
}

/** The API and the name there of an app's repository. */
export function placeOf(
  app: App,
  { host, apiUrl }: { readonly host: GitHost; readonly apiUrl: string | undefined },
): Pick<Place, 'path' | 'apiUrl'> {
  const address = webAddressOf([app.repo.url, ...app.aliases])
  if (address === null)
    throw usage(
      `repo of ${app.name} does not tell on which host it lies (${app.repo.url}): add an alias that does, aliases: [git.example.com/acme/blog]`,
    )
  const place = host.locate(address)
  if (place === null) throw usage(`${address.host}/${address.path} is no repository of ${host.title}`)
  return { path: place.path, apiUrl: apiUrl ?? place.apiUrl }
}

function webhookOf(app: App, map: DeployMap, named: string | undefined): Webhook {
  const all = [...map.webhooks.values()]
  const wanted = named ?? app.webhook
  if (wanted !== null) {
    const found = map.webhooks.get(wanted)
    if (found === undefined) throw usage(`deploy.yml has no webhook ${wanted} (there is ${namesOf(all)})`)
    if (app.webhook !== null && app.webhook !== wanted)
      throw usage(`${app.name} takes pushes from webhook ${app.webhook} only, as deploy.yml says`)
    return found
  }
  const [only, ...more] = all
  if (only === undefined) throw usage('deploy.yml has no webhook: add one')
  if (more.length > 0) throw usage(`deploy.yml has several webhooks: say --webhook with one of ${namesOf(all)}`)
  return only
}

function namesOf(webhooks: readonly Webhook[]): string {
  return webhooks.map(({ name }) => name).join(', ')
}

/** For the hosts whose form has to be filled in by hand. */
function unknownApi({ name, provider, secrets, options }: Webhook): string {
  const known = Object.hasOwn(providers, provider) ? providers[provider as keyof typeof providers] : null
  const form = known?.form({ secrets, options })
  const fields = form === undefined ? '' : `: ${[form.urlField, form.secretField, ...form.fields].join(', ')}`
  return `deployhook does not know the API of ${provider}, the provider of webhook ${name}. Fill in its form by hand${fields}`
}

export function hookUrlBelow(base: string, webhook: string): string {
  const url = URL.parse(base)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw usage('--public-url is no address: write it like https://deploy.example.com')
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}/hooks/${webhook}`
}

export function usage(message: string): CliError {
  return new CliError(message, { exitCode: exit.usage })
}
