import type { Explanation } from '../explain.ts'
import { succeeds } from '../lib/succeeds.ts'
import type { DeliveryRecord, Refusal } from '../model/delivery.ts'
import type { Server, Webhook } from '../model/deploy-map.ts'
import { explainAllCatchUp } from './catch-up.ts'
import { told, type ExplainDeps } from './deps.ts'
import { explainAllGates } from './gates.ts'
import { formOf } from './form.ts'
import { refusalMeaning } from './refusals.ts'
import { explainStrays } from './strays.ts'

/** The whole picture, for when nothing happens: does anything arrive, is it believed, is deploy.yml the one in use. */
export async function explainEverything(deps: ExplainDeps): Promise<Explanation> {
  const { map, config, store } = deps
  const webhooks = await Promise.all([...map().webhooks.values()].map((webhook) => look(webhook, deps)))
  const queue = await store.queue()
  const running = queue.filter(({ state }) => state === 'running').length
  const { problems, file, loadedAt } = config()
  const strays = explainStrays(deps)
  const failed = await failedApps(deps)
  const kept = await explainAllGates(deps)
  const full = await deps.diskProblems()
  const isWritable = await succeeds(store.ping())
  return {
    headline: isWritable ? headline(webhooks, problems) : 'Nothing can be kept, so every delivery is answered 503',
    facts: [
      `deploy.yml is ${file}, loaded ${told(loadedAt, deps)}, with ${counted(map().apps.size, 'app')}.`,
      ...problems.map((problem) => `The file has a problem, so the map from before is in use: ${problem}`),
      ...webhooks.flatMap((seen) => seenFacts(seen, deps)),
      ...strays.facts,
      `${running} running, ${queue.length - running} queued.`,
      ...kept.facts,
      ...full.map((problem) =>
        isWritable
          ? `Deliveries are kept, but deployments fail until there is room: ${problem}`
          : `Neither are deliveries kept nor is anything deployed: ${problem}`,
      ),
      ...failed.map(({ app, id }) => `The newest deployment of ${app}, ${id}, did not succeed.`),
      ...explainAllCatchUp(deps),
    ],
    next: [
      ...(isWritable ? [] : ['Once there is room, redeliver at the git host what was answered 503: deployhook doctor']),
      ...(problems.length === 0 ? [] : ['Mend deploy.yml: deployhook check, then deployhook reload']),
      ...(map().apps.size === 0 ? [`Nothing can be deployed yet: write an app into ${file}`] : []),
      ...new Set(webhooks.flatMap((seen) => seenAdvice(seen, deps))),
      ...strays.next,
      ...kept.next,
      ...failed.map(({ id }) => `Why it failed: deployhook explain deployment ${id}`),
      'See what arrived: deployhook deliveries, and why it did what it did: deployhook explain delivery ID',
    ],
  }
}

/** The same for one webhook. */
export async function explainWebhook(webhook: Webhook, deps: ExplainDeps): Promise<Explanation> {
  const seen = await look(webhook, deps)
  const { name } = webhook
  const strays = explainStrays(deps, (stray) => stray.webhook === null || stray.webhook === name)
  return {
    headline: `Webhook ${webhook.name} (${webhook.provider}) ${condition(seen)}`,
    facts: [
      `Its URL, for the form at the git host: ${urlOf(name, deps.map().server)}`,
      ...seenFacts(seen, deps),
      ...strays.facts,
      ...explainAllCatchUp(deps),
    ],
    next: [...seenAdvice(seen, deps), ...strays.next, `See what arrived: deployhook deliveries --webhook ${name}`],
  }
}

/** Apps whose newest deployment ended badly, a screenful at most. */
async function failedApps({
  map,
  store,
}: ExplainDeps): Promise<readonly { readonly app: string; readonly id: number }[]> {
  const newest = await Promise.all([...map().apps.keys()].map((app) => store.deployments({ app, limit: 1 })))
  return newest
    .flat()
    .filter(({ outcome }) => outcome === 'failed' || outcome === 'timed_out' || outcome === 'interrupted')
    .slice(0, mostFailed)
}

const mostFailed = 5

function urlOf(webhook: string, { publicUrl }: Server): string {
  return `${publicUrl ?? 'https://YOUR-HOST'}/hooks/${webhook}`
}

type Seen = {
  readonly webhook: Webhook
  readonly last: DeliveryRecord | undefined
  readonly refused: { readonly count: number; readonly last: Refusal | undefined }
  /** Refused after the last delivery that was believed. */
  readonly since: readonly Refusal[]
}

async function look(webhook: Webhook, { store, refusals }: ExplainDeps): Promise<Seen> {
  const [last] = await store.deliveries({ webhook: webhook.name, limit: 1 })
  const recent = refusals.recent(webhook.name)
  const since = recent.filter(({ at }) => last === undefined || last.receivedAt < at)
  return { webhook, last, refused: { count: refusals.count(webhook.name), last: recent[0] }, since }
}

/** One refusal since the last delivery may be a stranger's; several, or one of whoever sent that delivery, are not. */
function isRefusing({ last, since }: Seen): boolean {
  if (last === undefined) return since.length > 0
  return since.length >= 3 || since.some(({ remoteAddress }) => remoteAddress === last.remoteAddress)
}

function condition(seen: Seen): string {
  if (isRefusing(seen)) return seen.last === undefined ? 'has believed nothing yet' : 'refuses what it gets'
  return seen.last === undefined ? 'has not received anything yet' : 'works'
}

function headline(webhooks: readonly Seen[], problems: readonly string[]): string {
  const bad = webhooks.filter((seen) => condition(seen) !== 'works')
  if (webhooks.length === 0) return 'deploy.yml has no webhooks, so nothing can arrive'
  if (problems.length > 0) return 'deploy.yml has problems: the map from before is in use'
  if (bad.length === 0) return 'Deliveries arrive and are believed'
  const [one, another] = bad
  if (one !== undefined && another === undefined) return `Webhook ${one.webhook.name} ${condition(one)}`
  return `${bad.length} of ${webhooks.length} webhooks need a look`
}

function seenFacts({ webhook, last, refused }: Seen, deps: ExplainDeps): readonly string[] {
  const { name } = webhook
  const arrived =
    last === undefined
      ? `Webhook ${name}: no delivery has been believed yet.`
      : `Webhook ${name}: the last delivery is ${last.id}, ${told(last.receivedAt, deps)}: ${last.result}${last.reason === null ? '' : ` (${last.reason})`}.`
  if (refused.last === undefined) return [arrived]
  const { at, remoteAddress } = refused.last
  return [
    arrived,
    `Webhook ${name}: ${counted(refused.count, 'request')} refused since the start, the last ${told(at, deps)} from ${remoteAddress}: ${refusalMeaning(refused.last, deps).sentence}.`,
  ]
}

function seenAdvice(seen: Seen, deps: ExplainDeps): readonly string[] {
  const { webhook, last, refused } = seen
  if (isRefusing(seen) && refused.last !== undefined)
    return [`Webhook ${webhook.name}: ${refusalMeaning(refused.last, deps).cure}`]
  if (last !== undefined) return []
  const url = urlOf(webhook.name, deps.map().server)
  const { urlField, secretField, fields } = formOf(webhook.name, deps)
  return [
    `Check the form at the git host: ${urlField} ${url}, ${secretField} the secret of webhook ${webhook.name}, ${fields.join(', ')}. If it lists what it sent, it also shows the answers.`,
    `Does the proxy pass /hooks/ on? deployhook send --webhook ${webhook.name} --url ${url} sends a signed push out and in again, and says what is broken on the way.`,
  ]
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
