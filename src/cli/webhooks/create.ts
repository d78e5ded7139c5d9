import type { Hooks } from '../../hosts/index.ts'
import type { App } from '../../model/deploy-map.ts'
import { exit } from '../cli-error.ts'
import type { Cli } from '../command.ts'
import { oneLine } from '../text.ts'
import type { HostOptions } from './commands.ts'
import { findPlace, usage, type Place } from './place.ts'
import { leadingTo, reaching } from './reach.ts'

/** See `commands.ts`. */
export async function createHook(app: string, options: HostOptions, cli: Cli): Promise<number> {
  const place = await findPlace(app, options, cli)
  const made = await reaching(place, { options, cli, act: (reach) => createOrUpdate(reach(place), place) })
  if (options.json) await cli.terminal.printJson(asJson(place, made))
  else await cli.terminal.print(madeText(place, made))
  return exit.done
}

export type Made = {
  readonly result: 'created' | 'updated'
  /** Others with the same URL. */ readonly doubles: readonly string[]
}

/** Exactly one hook that leads to the place's URL is right afterwards; there is none more than there was, or one. */
export async function createOrUpdate(hooks: Hooks, place: Pick<Place, 'url' | 'webhook' | 'app'>): Promise<Made> {
  const [secret] = place.webhook.secrets
  if (secret === undefined) throw usage(`webhook ${place.webhook.name} has no secret`)
  const wanted = { url: place.url, secret, tags: deploysTags(place.app) }
  const [first, ...others] = leadingTo(place.url, await hooks.list())
  if (first === undefined) {
    await hooks.create(wanted)
    return { result: 'created', doubles: [] }
  }
  await hooks.update(first, wanted)
  return { result: 'updated', doubles: others.map(({ id }) => id) }
}

export function deploysTags({ tags }: Pick<App, 'tags'>): boolean {
  return tags.length > 0
}

function asJson({ app, webhook, url, path }: Place, { result, doubles }: Made): object {
  return { result, app: app.name, webhook: webhook.name, provider: webhook.provider, repository: path, url, doubles }
}

function madeText({ host, path, url, app }: Place, { result, doubles }: Made): string {
  const did =
    result === 'created' ? `${host.title} now has a webhook for` : `the webhook is up to date at ${host.title}, for`
  return [
    `${did} ${oneLine(path)}: ${oneLine(url)}`,
    'pushes, as JSON, TLS checked, signed with the secret that deploy.yml names',
    ...(url.startsWith('https:') ? [] : ['it is plain http: whoever is on the way can read along. Put TLS in front.']),
    ...(doubles.length === 0
      ? []
      : [
          `it has the same URL in other hooks (${doubles.map(oneLine).join(', ')}), so each push comes several times: remove those`,
        ]),
    `does it arrive? deployhook webhooks test ${app.name}`,
  ].join('\n')
}
