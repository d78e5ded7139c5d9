import type { DeliveryRecord } from '../model/delivery.ts'
import { parseDelivery } from '../providers/parse-delivery.ts'
import type { ExplainDeps } from './deps.ts'
import { formOf } from './form.ts'

/** What of a delivery can still be looked at, and how it may be judged once more. */
export type LookBack = {
  /** Every identity by which it names its repository, the clone URL's first; empty when that is not kept. */
  readonly names: readonly string[]
  /** The app that it names in place of a repository. */
  readonly app: string | null
  /** `deployhook replay 1`, where that would work, or what to do at the git host, as an order. */
  readonly again: string
}

/** Reads a kept delivery once more, for advice that holds. */
export async function lookBack({ id, webhook: name }: DeliveryRecord, deps: ExplainDeps): Promise<LookBack> {
  const { again } = formOf(name, deps)
  const webhook = deps.map().webhooks.get(name)
  const recalled = await deps.store.recall(id, deps.clock.now())
  if (!recalled?.delivery || webhook?.provider !== recalled.record.provider) return { names: [], app: null, again }
  const { parsed } = await parseDelivery(recalled.delivery, webhook)
  const [push] = parsed.kind === 'pushes' ? parsed.pushes : []
  return { names: push?.names ?? [], app: push?.app ?? null, again: `deployhook replay ${id}, or ${again}` }
}
