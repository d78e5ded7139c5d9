import type { IngestDeps } from '../ingest.ts'
import type { Refusals } from '../store/index.ts'

/** Refused requests leave no more than this, in memory. */
export function recordIn(refusals: Pick<Refusals, 'record'>): IngestDeps['onRefused'] {
  return ({ receivedAt: at, webhook, remoteAddress }, reason, providerId) => {
    refusals.record({ at, webhook, remoteAddress, reason, providerId })
  }
}
