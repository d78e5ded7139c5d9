import type { Explanation } from '../explain.ts'
import type { DeliveryRecord, Refusal } from '../model/delivery.ts'
import { branchOf } from '../model/ref.ts'
import { whatIsLive } from './app.ts'
import { lastOf, standing } from './deployment.ts'
import { deployCommand } from './deploy-command.ts'
import { short, told, type ExplainDeps } from './deps.ts'
import { formOf } from './form.ts'
import { lookBack } from './look-back.ts'
import { noAppMeaning } from './no-app.ts'
import { proofOf } from './proof.ts'
import { ignoredMeaning, wholeMeaning, type Meaning } from './reasons.ts'
import { refusalMeaning } from './refusals.ts'

/** What came, how it was proven, and what each app made of it. */
export async function explainDelivery(delivery: DeliveryRecord, deps: ExplainDeps): Promise<Explanation> {
  const meanings = await meaningsOf(delivery, deps)
  return {
    headline: `Delivery ${delivery.id} ${verdict(delivery)}`,
    facts: [
      came(delivery, deps),
      proofOf(delivery, deps),
      ...pushed(delivery),
      ...meanings.map(({ sentence }) => (sentence.endsWith('?') ? sentence : `${sentence}.`)),
      ...(await made(delivery, deps)),
      ...(await madeBefore(delivery, deps)),
    ],
    next: [...(await advice(delivery, deps)), ...new Set(meanings.map(({ cure }) => cure))],
  }
}

/** A request that was not believed, from what memory holds of it. */
export function explainRefusal(refusal: Refusal, deps: ExplainDeps): Explanation {
  const { webhook, remoteAddress, at, providerId } = refusal
  const { sentence, cure } = refusalMeaning(refusal, deps)
  return {
    headline: `A request to webhook ${webhook} was refused ${told(at, deps)}: ${sentence}`,
    facts: [
      `It came from ${remoteAddress}${providerId === null ? '' : ` and calls itself ${providerId}`}; the answer was 401.`,
      'Refused requests are not stored: what is known of it is in memory until the daemon restarts.',
    ],
    next: [cure],
  }
}

function verdict({ result, reason, duplicateOf, deployments }: DeliveryRecord): string {
  if (result === 'accepted')
    return `was accepted: ${deployments.length === 0 ? 'nothing to deploy' : listed(deployments)}`
  if (result === 'duplicate') return `was a duplicate${duplicateOf === null ? '' : ` of delivery ${duplicateOf}`}`
  if (result === 'malformed') return `could not be read: ${reason ?? 'its content is not what the git host documents'}`
  return `was ignored (${reason ?? 'nothing wanted it'})`
}

function listed(deployments: DeliveryRecord['deployments']): string {
  return deployments.map(({ id, app }) => `deployment ${id} of ${app}`).join(', ')
}

function came(delivery: DeliveryRecord, deps: ExplainDeps): string {
  const { webhook, provider, providerId, event, receivedAt, remoteAddress } = delivery
  const kind = event === null ? 'A request' : `An event of the kind ${event}`
  if (delivery.replayOf !== null)
    return `${kind} was replayed ${told(receivedAt, deps)}: it came to webhook ${webhook} from ${remoteAddress} as delivery ${delivery.replayOf}.`
  const named = providerId === null ? '' : `, called ${providerId} by ${provider}`
  return `${kind} came to webhook ${webhook} ${told(receivedAt, deps)} from ${remoteAddress}${named}.`
}

function pushed({ repository, ref, after, pusher, ignored }: DeliveryRecord): readonly string[] {
  if (ref === null) return []
  const where = branchOf(ref) ?? ref
  const isDeleted = after === null && ignored.some(({ reason }) => reason === 'deleted')
  const what = isDeleted ? `deleted ${where}` : `pushed ${after === null ? '' : `${short(after)} `}to ${where}`
  return [`${pusher ?? 'Somebody'} ${what}${repository === null ? '' : ` in ${repository}`}.`]
}

/** What stood in the way, of each app or of the delivery as a whole. */
async function meaningsOf(delivery: DeliveryRecord, deps: ExplainDeps): Promise<readonly Meaning[]> {
  if (delivery.result === 'malformed') return []
  const back = await lookBack(delivery, deps)
  if (delivery.ignored.length > 0) {
    const { apps } = deps.map()
    return delivery.ignored.map((one) => ignoredMeaning(one, { app: apps.get(one.app), delivery, again: back.again }))
  }
  const noApp = noAppMeaning(delivery, { back, deps })
  const whole = wholeMeaning(delivery, { form: formOf(delivery.webhook, deps), noApp })
  return whole === null ? [] : [{ ...whole, sentence: capital(whole.sentence) }]
}

/** What became of the deployments it made. */
async function made({ deployments }: DeliveryRecord, deps: ExplainDeps): Promise<readonly string[]> {
  const found = await Promise.all(deployments.map(({ id }) => deps.store.deployment(id)))
  const known = found.filter((deployment) => deployment !== null)
  return Promise.all(
    known.map(
      async (deployment) => `Deployment ${deployment.id} of ${deployment.app} ${await standing(deployment, deps)}.`,
    ),
  )
}

/** Of a duplicate: what its push made live, or how that stands. */
async function madeBefore({ result, duplicateOf }: DeliveryRecord, deps: ExplainDeps): Promise<readonly string[]> {
  const original = result === 'duplicate' && duplicateOf !== null ? await deps.store.delivery(duplicateOf) : null
  const told = (original?.deployments ?? []).map(async ({ id, app }) => {
    const deployment = await lastOf(id, deps)
    const stood =
      deployment === null ? '' : ` Deployment ${deployment.id} of ${app} ${await standing(deployment, deps)}.`
    return `Of ${app}, ${await whatIsLive(app, deps)}.${stood}`
  })
  return Promise.all(told)
}

async function advice(delivery: DeliveryRecord, { store, map }: ExplainDeps): Promise<readonly string[]> {
  const { webhook, ref } = delivery
  if (delivery.result === 'malformed') {
    return [
      `Mend what sends it. If that is a git host, check that "provider:" of webhook ${webhook} in deploy.yml names it; if it does, this is a bug worth reporting.`,
    ]
  }
  if (delivery.result === 'accepted') {
    return delivery.deployments.map(({ id }) => `More of it: deployhook explain deployment ${id}`)
  }
  const original = delivery.duplicateOf === null ? null : await store.delivery(delivery.duplicateOf)
  if (original === null) return []
  const apps = original.deployments.map(({ app }) => map().apps.get(app)).filter((app) => app !== undefined)
  return [
    `What became of the first: deployhook explain delivery ${original.id}`,
    ...apps.map((app) => `Deploy again all the same: ${deployCommand(app, ref)}`),
  ]
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}
