import type { Explanation } from '../explain.ts'
import type { App } from '../model/deploy-map.ts'
import { livePath } from '../model/live-path.ts'
import { leftInTree } from '../model/left-in-tree.ts'
import { kindAndName, refsOf } from '../model/ref-filter.ts'
import type { Deployment } from '../model/deployment.ts'
import { explainCatchUp } from './catch-up.ts'
import { standing } from './deployment.ts'
import { deployCommand, tryAgain } from './deploy-command.ts'
import { short, told, type ExplainDeps } from './deps.ts'
import { explainGates } from './gates.ts'
import { lookBack } from './look-back.ts'
import { ignoredMeaning } from './reasons.ts'

/** How an app stands: what is live, what goes on, what the last delivery meant for it. null: no such app, now or ever. */
export async function explainApp(name: string, deps: ExplainDeps): Promise<Explanation | null> {
  const { store, map } = deps
  const app = map().apps.get(name)
  const [newest] = await store.deployments({ app: name, limit: 1 })
  if (app === undefined) return newest === undefined ? null : explainRemoved(name, newest, deps)

  const { facts, next } = await lastDelivery(app, deps)
  const kept = await explainGates(app, deps)
  return {
    headline: `${name}: ${await whatIsLive(name, deps)}`,
    facts: [
      `It deploys ${refsOf(app)} of ${app.repo.url} to ${app.path}.`,
      ...conditions(app),
      ...kept.facts,
      ...(await deps.diskProblems([app])).map((problem) => `Its deployments fail until there is room: ${problem}`),
      ...(newest === undefined
        ? ['It has never been deployed.']
        : [`The newest deployment, ${newest.id}, ${await standing(newest, deps)}.`]),
      ...(await unfinishedTree(app, newest, deps)),
      ...facts,
      ...explainCatchUp(app, deps),
    ],
    next: [...kept.next, ...afterNewest(newest, app), ...next],
  }
}

/** What else of its entry decides whether a push is wanted. */
function conditions({ webhook, paths, skip, aliases }: App): readonly string[] {
  return [
    ...(webhook === null ? [] : [`It takes pushes from webhook ${webhook} only.`]),
    ...(paths === null ? [] : ['It does so only when a file below its "paths:" differs from what is live.']),
    ...(skip.length === 0 ? [] : ['It leaves out commits whose message says one of its texts of "skip:".']),
    ...(aliases.length === 0 ? [] : [`Its repository is also known as ${aliases.join(', ')}.`]),
  ]
}

async function unfinishedTree(app: App, newest: Deployment | undefined, deps: ExplainDeps): Promise<readonly string[]> {
  const left = newest === undefined ? null : leftInTree(newest, app)
  if (left === null) return []
  const { revision } = await deps.store.live(app.name)
  const where = livePath(app)
  if (revision === left)
    return [`The files in ${where} are those of ${short(left)}, whose newest deployment did not succeed.`]
  const lastGood = revision === null ? 'none was good before' : `the last good one is ${short(revision)}`
  return [`The files in ${where} are those of ${short(left)}, which did not succeed; ${lastGood}.`]
}

async function explainRemoved(name: string, newest: Deployment, deps: ExplainDeps): Promise<Explanation> {
  return {
    headline: `${name} is not in deploy.yml (any more)`,
    facts: [
      `Its newest deployment, ${newest.id}, ${await standing(newest, deps)}.`,
      `What it left is still there: ${await whatIsLive(name, deps)}.`,
    ],
    next: [`If it was renamed, say "was: ${name}" in its new entry, then: deployhook reload`],
  }
}

export async function whatIsLive(name: string, deps: ExplainDeps): Promise<string> {
  const { revision, deployment, at, ref } = await deps.store.live(name)
  if (revision === null) return 'nothing of it is live yet'
  const of = ref !== null && deps.map().apps.get(name)?.branch === null ? ` of ${kindAndName(ref)}` : ''
  return `${short(revision)}${of} is live${at === null ? '' : `, since ${told(at, deps)}`}${deployment === null ? '' : ` (deployment ${deployment})`}`
}

async function lastDelivery(app: App, deps: ExplainDeps): Promise<Pick<Explanation, 'facts' | 'next'>> {
  const { name } = app
  const [delivery] = await deps.store.deliveries({ app: name, limit: 1 })
  if (delivery === undefined) {
    return {
      facts: ['No delivery has reached it yet.'],
      next: ['Does anything arrive? deployhook explain'],
    }
  }
  const fact = `The last delivery that reached it is ${delivery.id}, ${told(delivery.receivedAt, deps)}`
  const ignored = delivery.ignored.find((other) => other.app === name)
  if (ignored === undefined) return { facts: [`${fact} (${delivery.result}).`], next: [] }
  const { again } = await lookBack(delivery, deps)
  const { sentence, cure } = ignoredMeaning(ignored, { app, delivery, again })
  return { facts: [`${fact}, and it was not wanted: ${sentence}.`], next: [cure] }
}

function afterNewest(newest: Deployment | undefined, app: App): readonly string[] {
  if (newest === undefined)
    return app.branch === null
      ? [`Push one of ${refsOf(app)}, or name one: deployhook deploy ${app.name} --branch NAME, or --tag NAME`]
      : [`Deploy it by hand: deployhook deploy ${app.name}`]
  const again = deployCommand(app, newest.ref)
  const why = `Why: deployhook explain deployment ${newest.id}`
  if (newest.state !== 'done') return [`See it live: deployhook logs -f ${newest.id}`]
  if (newest.outcome === 'succeeded') return []
  if (newest.reason === 'ref_unwanted') return [why]
  if (newest.reason === 'quarantined') return [why]
  if (newest.outcome === 'skipped' && newest.reason !== 'branch_gone') return [`Deploy it all the same: ${again}`]
  if (newest.outcome === 'rolled_back')
    return [why, `Push a fix, or deploy ${newest.exact ? 'that' : 'the newest'} commit once more: ${tryAgain(newest)}`]
  if (newest.reason === 'path_occupied') return [why, `Take the directory over: ${again} --adopt`]
  return [why, `Try again: ${tryAgain(newest)}`]
}
