import { explainApp } from './explain/app.ts'
import { explainDelivery, explainRefusal } from './explain/delivery.ts'
import { explainDeployment } from './explain/deployment.ts'
import type { ExplainDeps } from './explain/deps.ts'
import { explainEverything, explainWebhook } from './explain/overview.ts'
import { explainNoWebhook } from './explain/strays.ts'

/** An answer for people: what happened, in order, and what to do next. */
export type Explanation = {
  readonly headline: string
  readonly facts: readonly string[]
  readonly next: readonly string[]
}

/**
 * Explains a subject in words; null when there is no such thing. Subjects: `delivery:ID`, `deployment:ID`, `app:NAME`,
 * `webhook:NAME`, a bare name (an app, else a webhook), a bare number (a deployment, else a delivery), the git host's
 * own delivery id (also of a refused request), or null for the whole picture.
 */
export type Explain = (subject: string | null) => Promise<Explanation | null>

export type { ExplainDeps } from './explain/deps.ts'

export function createExplain(deps: ExplainDeps): Explain {
  const { store, map, refusals } = deps
  const kinds: Readonly<Record<string, (name: string) => Promise<Explanation | null>>> = {
    delivery: ofDelivery,
    deployment: ofDeployment,
    app: (name) => explainApp(name, deps),
    webhook: async (name) => (await ofWebhook(name)) ?? stray(name),
  }

  return async (subject) => {
    const wanted = subject?.trim() ?? ''
    if (wanted === '') return explainEverything(deps)
    const [, kind = '', name = ''] = /^([a-z]+):(.+)$/.exec(wanted) ?? []
    if (Object.hasOwn(kinds, kind)) return (await kinds[kind]?.(name)) ?? null
    if (isId(wanted)) return ofNumber(wanted)
    return (await named(wanted)) ?? (await ofProviderId(wanted)) ?? stray(wanted)
  }

  async function named(name: string): Promise<Explanation | null> {
    return (await explainApp(name, deps)) ?? ofWebhook(name)
  }

  async function ofDeployment(id: string): Promise<Explanation | null> {
    const deployment = isId(id) ? await store.deployment(Number(id)) : null
    return deployment === null ? null : explainDeployment(deployment, deps)
  }

  async function ofDelivery(id: string): Promise<Explanation | null> {
    const delivery = isId(id) ? await store.delivery(Number(id)) : null
    return delivery === null ? ofProviderId(id) : explainDelivery(delivery, deps)
  }

  async function ofWebhook(name: string): Promise<Explanation | null> {
    const webhook = map().webhooks.get(name)
    return webhook === undefined ? null : explainWebhook(webhook, deps)
  }

  function stray(name: string): Explanation | null {
    return explainNoWebhook(name, deps)
  }

  /** A deployment, and how to ask for what else has that number for a name. */
  async function ofNumber(id: string): Promise<Explanation | null> {
    const deployment = await ofDeployment(id)
    if (deployment === null) return (await ofDelivery(id)) ?? (await named(id)) ?? stray(id)
    const others = [
      ...((await store.delivery(Number(id))) === null
        ? []
        : [`Delivery ${id} is another thing: deployhook explain delivery ${id}`]),
      ...(map().apps.has(id) ? [`The app of that name: deployhook explain app ${id}`] : []),
      ...(map().webhooks.has(id) ? [`The webhook of that name: deployhook explain webhook ${id}`] : []),
    ]
    return { ...deployment, next: [...deployment.next, ...others] }
  }

  async function ofProviderId(providerId: string): Promise<Explanation | null> {
    const [delivery] = await store.deliveries({ providerId, limit: 1 })
    if (delivery !== undefined) return explainDelivery(delivery, deps)
    const refused = [...map().webhooks.keys()].flatMap((webhook) => refusals.recent(webhook))
    const refusal = refused.find((other) => other.providerId === providerId)
    return refusal === undefined ? null : explainRefusal(refusal, deps)
  }
}

function isId(text: string): boolean {
  return /^[1-9][0-9]{0,14}$/.test(text)
}
