import type { Explanation } from '../explain.ts'
import type { DeliveryRecord, Refusal } from '../model/delivery.ts'
import { branchOf } from '../model/ref.ts'
import { whatIsLive } from './app.ts'
import { lastOf, standing } from './deployment.ts'
import { short, told, type ExplainDeps } from './deps.ts'
import { proofOf } from './proof.ts'
import { ignoredMeaning, refusalMeanings, wholeMeaning, type Meaning } from './reasons.ts'

/** What came, how it was proven, and what each app made of it. */
export async function explainDelivery(delivery: DeliveryRecord, deps: ExplainDeps): Promise<Explanation> {
  const meanings = meaningsOf(delivery, deps)
  return {
    headline: `Delivery ${delivery.id} ${verdict(delivery)}`,
    facts: [
      came(delivery, deps),
      proofOf(delivery, deps),
      ...pushed(delivery),
      ...meanings.map(({ sentence }) => `${capital(sentence)}.`),
      ...(await made(delivery, deps)),
      ...(await madeBefore(delivery, deps)),
    ],
    next: [...(await advice(delivery, deps)), ...new Set(meanings.map(({ cure }) => cure))],
  }
}

/** A request that was not believed, from what memory holds of it. */
export function explainRefusal(refusal: Refusal, deps: ExplainDeps): Explanation {
  const { webhook, remoteAddress, at, providerId, reason } = refusal
  const { sentence, cure } = refusalMeanings[reason]
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

function pushed({ repository, ref, after, pusher }: DeliveryRecord): readonly string[] {
  if (ref === null) return []
  const what = after === null ? `deleted ${branchOf(ref) ?? ref}` : `moved ${branchOf(ref) ?? ref} to ${short(after)}`
  return [`${pusher ?? 'Somebody'} ${what}${repository === null ? '' : ` in ${repository}`}.`]
}

/** What stood in the way, of each app or of the delivery as a whole. */
function meaningsOf(delivery: DeliveryRecord, { map }: ExplainDeps): readonly Meaning[] {
  if (delivery.ignored.length > 0) {
    return delivery.ignored.map(({ app, reason }) =>
      ignoredMeaning(reason, { name: app, app: map().apps.get(app), delivery }),
    )
  }
  const whole = delivery.reason === null ? null : wholeMeaning(delivery.reason, delivery)
  return whole === null ? [] : [whole]
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

async function advice(delivery: DeliveryRecord, { store }: ExplainDeps): Promise<readonly string[]> {
  if (delivery.result === 'malformed') {
    return [
      'Check that "provider:" of the webhook names the git host that sends; if it does, this is a bug worth reporting.',
    ]
  }
  if (delivery.result === 'accepted') {
    return delivery.deployments.map(({ id }) => `More of it: deployhook explain deployment ${id}`)
  }
  if (delivery.duplicateOf === null) return []
  const original = await store.delivery(delivery.duplicateOf)
  const again = original?.deployments.map(({ app }) => `Deploy again all the same: deployhook deploy ${app}`) ?? []
  return [`What became of the first: deployhook explain delivery ${delivery.duplicateOf}`, ...again]
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}
