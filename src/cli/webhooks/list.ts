import type { Hook, Sent } from '../../hosts/index.ts'
import { exit } from '../cli-error.ts'
import type { Cli } from '../command.ts'
import { when } from '../show-deployment.ts'
import { table } from '../table.ts'
import { oneLine, shorten } from '../text.ts'
import type { HostOptions } from './commands.ts'
import { findPlace, type Place } from './place.ts'
import { reaching, sameUrl } from './reach.ts'

type Listed = { readonly hook: Hook; readonly isOurs: boolean; readonly sent: readonly Sent[] | null }

/** See `commands.ts`. */
export async function listHooks(app: string, options: HostOptions, cli: Cli): Promise<number> {
  const place = await findPlace(app, options, cli)
  const listed = await reaching(place, {
    options,
    cli,
    async act(reach): Promise<readonly Listed[]> {
      const hooks = reach(place)
      const here = (await hooks.list()).filter(({ url }) => originOf(url) === originOf(place.url))
      return Promise.all(
        here.map(async (hook) => ({
          ...{ hook, isOurs: sameUrl(hook.url, place.url) },
          sent: hooks.deliveries === null ? null : await hooks.deliveries(hook),
        })),
      )
    },
  })
  if (options.json) await cli.terminal.printJson(asJson(place, listed))
  else await cli.terminal.print(listText(place, listed, cli))
  return exit.done
}

function originOf(url: string): string | null {
  return URL.parse(url)?.origin ?? null
}

function asJson({ app, webhook, path, url }: Place, listed: readonly Listed[]): object {
  return {
    ...{ app: app.name, webhook: webhook.name, provider: webhook.provider, repository: path, url },
    hooks: listed.map(({ hook, isOurs, sent }) => ({ ...hook, isOurs, deliveries: sent })),
  }
}

function listText(place: Place, listed: readonly Listed[], { terminal: { paint }, io }: Cli): string {
  const { host, path, url, app } = place
  if (listed.length === 0)
    return `${host.title} has no hook of ${oneLine(path)} that leads here (${oneLine(url)}). Make it: deployhook webhooks create ${app.name}`
  const now = io.clock.now()
  const rows = listed.map(({ hook, isOurs, sent }) => [
    oneLine(hook.id),
    isOurs ? oneLine(hook.url) : paint.yellow(oneLine(hook.url)),
    hook.isActive ? 'yes' : paint.red('no'),
    hook.sendsPushes ? 'yes' : paint.red('no'),
    said(hook.isJson, { yes: 'JSON', no: 'form' }),
    hook.verifiesTls === false ? paint.red('unchecked') : said(hook.verifiesTls, { yes: 'checked', no: '' }),
    lastText(sent, now),
  ])
  const head = ['ID', 'URL', 'ACTIVE', 'PUSHES', 'BODY', 'TLS', 'LAST DELIVERY']
  const hints = listed.flatMap(({ hook, isOurs }) => (isOurs ? hintsOf(hook, app.name) : []))
  const missing = listed.some(({ isOurs }) => isOurs)
    ? []
    : [`none of them leads to ${oneLine(url)}: deployhook webhooks create ${app.name}`]
  return [table(head, rows, { style: paint.dim }), ...[...hints, ...missing].flatMap((text) => ['', text])].join('\n')
}

function said(value: boolean | null, { yes, no }: { readonly yes: string; readonly no: string }): string {
  if (value === null) return '-'
  return value ? yes : no
}

function lastText(sent: readonly Sent[] | null, now: Date): string {
  if (sent === null) return '(not told)'
  const [last] = sent
  if (last === undefined) return 'none'
  const result = last.status === null ? `no answer (${oneLine(last.said ?? '?')})` : String(last.status)
  const at = last.at === null || Number.isNaN(Date.parse(last.at)) ? '' : `, ${when(last.at, now)}`
  return shorten(`${oneLine(last.event ?? '')} ${result}${at}`.trim(), 60)
}

/** What is wrong with a hook that leads here; one command mends most of it. */
export function hintsOf(hook: Hook, app: string): readonly string[] {
  const wrong = [
    ...(hook.isActive ? [] : ['it is not active']),
    ...(hook.sendsPushes ? [] : ['it sends no pushes']),
    ...(hook.verifiesTls === false ? ['it does not check TLS'] : []),
    ...(hook.hasSecret === false ? ['it has no secret, so nothing it sends is believed'] : []),
    ...(hook.trouble === null ? [] : [oneLine(hook.trouble)]),
  ]
  return wrong.length === 0
    ? []
    : [`hook ${oneLine(hook.id)}: ${wrong.join('; ')}. Mend it: deployhook webhooks create ${app}`]
}
