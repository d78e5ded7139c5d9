import type { DeliveryView, RefusalView } from '../api.ts'
import type { Client } from '../client.ts'
import type { CliIo } from '../io.ts'

/** What there was before; what comes is told from it. */
export type Newest = { readonly delivery: number; readonly refusedAt: string }

export type Arrived =
  | { readonly kind: 'delivery'; readonly delivery: DeliveryView }
  | { readonly kind: 'refusal'; readonly refusal: RefusalView }
  | { readonly kind: 'nothing'; readonly waitedMs: number }

export async function newestOf(client: Client, webhook: string): Promise<Newest> {
  const { deliveries, refused } = await client.deliveries({ webhook, limit: 1 })
  return { delivery: deliveries[0]?.id ?? 0, refusedAt: refused[0]?.at ?? '' }
}

/** Waits for the next delivery of a webhook, or the next one that is refused. Hosts send within seconds, or not at all. */
export async function arrivalOf(
  client: Client,
  {
    webhook,
    after,
    sleep,
    signal,
  }: {
    readonly webhook: string
    readonly after: Newest
    readonly sleep: CliIo['sleep']
    readonly signal: AbortSignal
  },
): Promise<Arrived> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += pauseMs) {
    const { deliveries, refused } = await client.deliveries({ webhook, limit: 1 })
    const [delivery] = deliveries
    if (delivery !== undefined && delivery.id > after.delivery) return { kind: 'delivery', delivery }
    const [refusal] = refused
    if (refusal !== undefined && refusal.at > after.refusedAt) return { kind: 'refusal', refusal }
    await sleep(pauseMs, signal)
  }
  return { kind: 'nothing', waitedMs: patienceMs }
}

const patienceMs = 20_000
const pauseMs = 500
