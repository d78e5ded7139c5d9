import type { Explanation } from '../explain.ts'
import { lengthOf } from '../lib/ago.ts'
import type { App } from '../model/deploy-map.ts'
import type { Deployment, StepRecord } from '../model/deployment.ts'
import { kindAndName, kindOfRef, refsOf, refToDeploy } from '../model/ref-filter.ts'
import { branchOf } from '../model/ref.ts'
import { standings, waitingFor } from '../model/queue.ts'
import { deployCommand, tryAgain } from './deploy-command.ts'
import { short, told, type ExplainDeps } from './deps.ts'
import { gateMeaning, whatOpens } from './gates.ts'
import { reports } from './reports.ts'
import { skippedMeanings, triggerMeanings, waitingMeanings } from './reasons.ts'

/** What a deployment was asked to do, what it did, and what to do about it. */
export async function explainDeployment(deployment: Deployment, deps: ExplainDeps): Promise<Explanation> {
  const { id, app, state } = deployment
  return {
    headline: `Deployment ${id} of ${app} ${await standing(deployment, deps)}`,
    facts: [
      await origin(deployment, deps),
      ...people(deployment, deps),
      ...commits(deployment),
      ...timing(deployment, deps),
      ...attempts(deployment),
      ...(await details(deployment, deps)),
      ...(await reports(deployment, deps)),
    ],
    next: state === 'done' ? afterwards(deployment, deps) : await meanwhile(deployment, deps),
  }
}

/** One clause that ends a headline: `failed 2 min ago: …`, `waits: …`, `is running`. */
export async function standing(deployment: Deployment, deps: ExplainDeps): Promise<string> {
  const { state, outcome, finishedAt, startedAt } = deployment
  if (state === 'queued') return `waits: ${await whatFor(deployment, deps)}`
  if (state === 'running') return `is running${startedAt === null ? '' : `, started ${told(startedAt, deps)}`}`
  const ended = `${words(outcome ?? 'done')}${finishedAt === null ? '' : ` ${told(finishedAt, deps)}`}`
  const why = because(deployment)
  return why === null ? ended : `${ended}: ${why}`
}

function words(outcome: string): string {
  if (outcome === 'cancelled' || outcome === 'interrupted' || outcome === 'superseded' || outcome === 'skipped') {
    return `was ${outcome}`
  }
  return outcome.replaceAll('_', ' ')
}

function because({ outcome, reason, message, supersededBy }: Deployment): string | null {
  if (supersededBy !== null) return `a newer one took its place, deployment ${supersededBy}`
  if (outcome === 'skipped' && reason !== null) return message ?? skippedMeanings[reason] ?? reason
  return outcome === 'succeeded' ? null : (message ?? reason)
}

async function whatFor({ id, app }: Deployment, { store, map, realPath, clock }: ExplainDeps): Promise<string> {
  const { apps, server } = map()
  const [queued, gates] = await Promise.all([store.queue(), store.gates()])
  const queue = standings(queued, { apps, realPath, gates, at: clock.now() })
  const running = queue.filter(({ state }) => state === 'running').map((other) => `${other.id} of ${other.app}`)
  const reason = waitingFor(id, { queue, maxRunning: server.maxRunning })
  const gate = queue.find((one) => one.id === id)?.gate ?? null
  if (gate !== null) return gateMeaning(gate, app, { gates, map, clock })
  const meaning = (reason === null ? null : waitingMeanings[reason]) ?? 'it is about to start'
  return running.length === 0 ? meaning : `${meaning} (running now: ${running.join(', ')})`
}

async function origin({ trigger, delivery }: Deployment, { store, clock }: ExplainDeps): Promise<string> {
  const record = delivery === null ? null : await store.delivery(delivery)
  if (record === null) return triggerMeanings[trigger] ?? `It was asked for by ${trigger}.`
  const { id, webhook, receivedAt, pusher, ref, after } = record
  const what =
    ref === null ? 'a push' : `a push to ${branchOf(ref) ?? ref}${after === null ? '' : ` (${short(after)})`}`
  return `Delivery ${id} asked for it: ${what}${pusher === null ? '' : ` by ${pusher}`}, which came to webhook ${webhook} ${told(receivedAt, { clock })}.`
}

function commits({ ref, requestedRevision, revision }: Deployment): readonly string[] {
  if (revision === null) return []
  // An annotated tag is an object of its own, and a push names that.
  if (ref.startsWith('refs/tags/')) return [`The ${kindAndName(ref)} leads to the commit ${short(revision)}.`]
  if (requestedRevision === null) return [`The tip of its branch was ${short(revision)}.`]
  if (requestedRevision === revision) return [`It took the commit that was pushed, ${short(revision)}.`]
  return [
    `${short(requestedRevision)} was pushed, but by then the branch's tip was ${short(revision)}: the tip is what is deployed.`,
  ]
}

function timing({ queuedAt, startedAt, finishedAt }: Deployment, deps: ExplainDeps): readonly string[] {
  if (startedAt === null) return [`It was asked for ${told(queuedAt, deps)} and has never started.`]
  const waitedMs = startedAt.getTime() - queuedAt.getTime()
  const waited = waitedMs < 1000 ? 'It started at once' : `It waited ${lengthOf(waitedMs)}`
  if (finishedAt === null) return [`${waited} and has been running since.`]
  return [`${waited} and ran for ${lengthOf(finishedAt.getTime() - startedAt.getTime())}.`]
}

/** What a person had to do with it. */
function people({ askedBy, note, approvedAt, approvedBy }: Deployment, deps: ExplainDeps): readonly string[] {
  const reason = note === null ? '' : `, because: ${note}`
  const approved = approvedBy === null ? '' : ` by ${approvedBy}`
  return [
    ...(askedBy === null && note === null
      ? []
      : [`It was asked for${askedBy === null ? '' : ` by ${askedBy}`}${reason}.`]),
    ...(approvedAt === null ? [] : [`It was approved${approved} ${told(approvedAt, deps)}.`]),
  ]
}

function attempts({ attempts: times }: Deployment): readonly string[] {
  return times > 1 ? [`It was started ${times} times: the daemon stopped or died while it ran.`] : []
}

async function details(deployment: Deployment, deps: ExplainDeps): Promise<readonly string[]> {
  if (deployment.supersededBy !== null) return [await successor(deployment.supersededBy, deps)]
  const step = deployment.steps.at(-1)
  if (step === undefined || deployment.outcome === 'succeeded') return []
  return [stepSentence(step, deployment)]
}

function stepSentence({ name, number, exitCode, signal, finishedAt }: StepRecord, { state }: Deployment): string {
  const step = `step ${number} (${name})`
  if (finishedAt === null) return state === 'done' ? `It was cut off in ${step}.` : `It is at ${step}.`
  if (signal !== null) return `It got as far as ${step}, which was ended by ${signal}.`
  if (exitCode === null) return `It got as far as ${step}, which did not end by itself.`
  return exitCode === 0
    ? `It got as far as ${step}, which went well.`
    : `It failed at ${step}, with exit code ${exitCode}.`
}

/** What became of the one that took the place, however often that was taken in turn. */
async function successor(id: number, deps: ExplainDeps): Promise<string> {
  const last = await lastOf(id, deps)
  return last === null
    ? `Deployment ${id} took its place.`
    : `In the end, deployment ${last.id} ${await standing(last, deps)}.`
}

/** The end of a chain of deployments that superseded each other. */
export async function lastOf(id: number, { store }: ExplainDeps): Promise<Deployment | null> {
  let last = await store.deployment(id)
  while (last?.supersededBy != null) last = await store.deployment(last.supersededBy)
  return last
}

async function meanwhile(deployment: Deployment, deps: ExplainDeps): Promise<readonly string[]> {
  const { id } = deployment
  const ends = await whatOpens(deployment, deps)
  return [
    ...ends,
    ...(ends.length > 0 ? [] : [`See it live: deployhook logs -f ${id}`]),
    `End it: deployhook cancel ${id}`,
  ]
}

function afterwards(deployment: Deployment, { map }: ExplainDeps): readonly string[] {
  const { id, app: name, outcome, supersededBy, reason, ref } = deployment
  if (outcome === 'succeeded') return [`See what it printed: deployhook logs ${id}`]
  if (supersededBy !== null) return [`Look at that one: deployhook explain deployment ${supersededBy}`]
  const app = map().apps.get(name)
  if (app === undefined)
    return [`${name} is no longer in deploy.yml. If it was renamed, say "was: ${name}" in its new entry.`]
  const command = deployCommand(app, ref)
  if (reason === 'ref_unwanted') return afterRefUnwanted(app, ref)
  if (outcome === 'skipped' && reason === 'paths') {
    return [
      `If one of those files is part of ${name}, add it to "paths:" of ${name} in deploy.yml, then: deployhook reload`,
      `Deploy it all the same: ${command}`,
    ]
  }
  if (outcome === 'skipped' && reason === 'quarantined')
    return [`Push a newer commit, or deploy this one all the same: ${command} --force`]
  if (outcome === 'skipped' && reason !== 'branch_gone') return [`Deploy it all the same: ${command}`]
  if (reason === 'path_occupied') return [`Take the directory over: ${command} --adopt`]
  return [`See what it printed: deployhook logs ${id}`, `When the cause is mended, try again: ${tryAgain(deployment)}`]
}

/** Neither a retry nor a request gets it, before deploy.yml wants it again. */
function afterRefUnwanted(app: App, ref: string): readonly string[] {
  if (refToDeploy(app, ref) !== null) return [`deploy.yml wants it again: ${deployCommand(app, ref)}`]
  const key = kindOfRef(ref) === 'tag' ? 'tags' : 'branches'
  return [
    `${app.name} deploys ${refsOf(app)} now. If it is to deploy ${kindAndName(ref)} after all, add that to "${key}:" of ${app.name} in deploy.yml, then: deployhook reload`,
    `Then deploy it: ${deployCommand(app, ref)}`,
  ]
}
