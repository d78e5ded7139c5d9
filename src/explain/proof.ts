import type { DeliveryRecord } from '../model/delivery.ts'
import { providerOf } from '../providers/index.ts'
import type { ExplainDeps } from './deps.ts'

/** How a delivery was proven, and by which secret. */
export function proofOf(delivery: DeliveryRecord, { map, config }: ExplainDeps): string {
  if (delivery.replayOf !== null)
    return `It did not come from outside: a person had delivery ${delivery.replayOf} judged again, which was proven when it came.`
  const webhook = map().webhooks.get(delivery.webhook)
  const what =
    webhook?.provider === delivery.provider ? providerOf(webhook).proof(webhook.secrets) : 'signature or token'
  const secrets = webhook?.secrets.length ?? 1
  if (secrets < 2) return `Its ${what} was right.`
  // Which is the first may have changed since: then only `deployhook webhooks` still knows them apart.
  if (config().loadedAt > delivery.receivedAt)
    return `Its ${what} was right. When each secret was last used: deployhook webhooks.`
  if (delivery.secret === 0) return `Its ${what} was right, by the first of the two secrets.`
  return `Its ${what} was right by the second of the two secrets: the form at the git host still holds that one.`
}
