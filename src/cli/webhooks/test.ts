import type { Hook, Hooks } from '../../hosts/index.ts'
import type { Client } from '../client.ts'
import { exit } from '../cli-error.ts'
import { withDaemon, type Cli } from '../command.ts'
import { oneLine } from '../text.ts'
import { arrivalOf, newestOf, type Arrived } from './arrival.ts'
import { hintsOf } from './list.ts'
import type { HostOptions } from './commands.ts'
import { findPlace, type Place } from './place.ts'
import { leadingTo, reaching } from './reach.ts'
import { arrivedText, lostText } from './verdict.ts'

/** One link of the chain from the host to the daemon. */
export type Link = {
  readonly link: 'daemon' | 'hook' | 'host' | 'arrival'
  readonly ok: boolean
  readonly said: string
  readonly cure: string | null
}

/** See `commands.ts`. */
export async function testHook(app: string, options: HostOptions, cli: Cli): Promise<number> {
  const place = await findPlace(app, options, cli)
  const links: Link[] = []
  const note = async (link: Link): Promise<boolean> => {
    links.push(link)
    if (!options.json) await cli.terminal.print(linkText(link, cli))
    return link.ok
  }
  await withDaemon(options, {
    cli,
    ask: (client) =>
      reaching(place, {
        options,
        cli,
        act: (reach, signal) => follow({ place, hooks: reach(place), client, note, cli, signal }),
      }),
  })
  const ok = links.every((link) => link.ok)
  if (options.json)
    await cli.terminal.printJson({ ok, app: place.app.name, webhook: place.webhook.name, url: place.url, links })
  return ok ? exit.done : exit.failed
}

type Following = {
  readonly place: Place
  readonly hooks: Hooks
  readonly client: Client
  readonly note: (link: Link) => Promise<boolean>
  readonly cli: Cli
  readonly signal: AbortSignal
}

/** From this end to that one and back; stops at the first link that is broken. */
async function follow({ place, hooks, client, note, cli, signal }: Following): Promise<void> {
  const { webhook, url, host, app } = place
  if (!(await note(await daemonLink(client, place)))) return

  const [hook] = leadingTo(url, await hooks.list())
  if (!(await note(hookLink(hook, place))) || hook === undefined) return

  if (hooks.test === null) {
    await note({
      link: 'host',
      ok: false,
      said: `${host.title} has no test of a hook`,
      cure: `push something to ${app.name}, then: deployhook deliveries --webhook ${webhook.name}. The way in: deployhook send --webhook ${webhook.name} --app ${app.name} --url ${new URL(url).origin}`,
    })
    return
  }
  const before = await newestOf(client, webhook.name)
  await hooks.test(hook)
  await note({ link: 'host', ok: true, said: `${host.title} was asked to send its test`, cure: null })

  const arrived = await arrivalOf(client, { webhook: webhook.name, after: before, sleep: cli.io.sleep, signal })
  await note(await arrivalLink(arrived, { hook, hooks, place }))
}

async function daemonLink(client: Client, { webhook, map }: Place): Promise<Link> {
  const { webhooks } = await client.webhooks()
  const known = webhooks.find(({ name }) => name === webhook.name)
  if (known !== undefined)
    return { link: 'daemon', ok: true, said: `the daemon runs and knows webhook ${webhook.name}`, cure: null }
  return {
    link: 'daemon',
    ok: false,
    said: `the daemon runs, but does not know webhook ${webhook.name} of ${oneLine(map.file)}`,
    cure: 'deployhook reload; or it reads another deploy.yml: see deployhook status',
  }
}

function hookLink(hook: Hook | undefined, { host, url, app, path }: Place): Link {
  if (hook === undefined)
    return {
      link: 'hook',
      ok: false,
      said: `${host.title} has no hook of ${oneLine(path)} that leads to ${oneLine(url)}`,
      cure: `deployhook webhooks create ${app.name}`,
    }
  const [hint] = hintsOf(hook, app.name)
  // What is merely switched off by failures is switched on again by a test that succeeds.
  const ok = hook.sendsPushes && hook.hasSecret !== false && (hook.isActive || hook.trouble !== null)
  return {
    link: 'hook',
    ok,
    said: `${host.title} has hook ${oneLine(hook.id)} with this URL`,
    cure: hint ?? null,
  }
}

async function arrivalLink(
  arrived: Arrived,
  { hook, hooks, place }: { readonly hook: Hook; readonly hooks: Hooks; readonly place: Place },
): Promise<Link> {
  if (arrived.kind !== 'nothing') return { link: 'arrival', ...arrivedText(arrived, place) }
  // Its own record of what it sent tells where on the way it was lost.
  const [sent] = (await hooks.deliveries?.(hook)) ?? []
  return { link: 'arrival', ok: false, ...lostText(sent ?? null, { place, isTold: hooks.deliveries !== null }) }
}

function linkText({ ok, said, cure }: Link, { terminal: { paint } }: Cli): string {
  const mark = ok ? paint.green('ok    ') : paint.red('broken')
  return [`${mark}  ${said}`, ...(cure === null ? [] : [`        ${cure}`])].join('\n')
}
