import { markVerified, type VerifiedDelivery } from '../../src/model/delivery.ts'
import { parseRevision, type Revision } from '../../src/model/revision.ts'
import type { Arrival, Keeping } from '../../src/store/store.ts'

// Apart from support.ts because a child process uses it, outside of vitest.

export const start = new Date('2026-01-02T03:04:05.678Z')

/** `seconds` after the beginning of the story. */
export function at(seconds: number): Date {
  return new Date(start.getTime() + seconds * 1000)
}

export function revision(digit: string): Revision {
  const parsed = parseRevision(digit.repeat(40))
  if (parsed === null) throw new Error(`${digit} makes no revision`)
  return parsed
}

let bodies = 0

export function delivery(given: {
  providerId?: string | null
  body?: string
  idIsSigned?: boolean
  webhook?: string
  headers?: Record<string, string>
}): VerifiedDelivery {
  const { providerId = null, body = `body ${++bodies}`, idIsSigned = false, webhook = 'github', headers = {} } = given
  return markVerified(
    { webhook, body: Buffer.from(body), headers, receivedAt: start, remoteAddress: '192.0.2.1' },
    { providerId, idIsSigned, secret: 0 },
  )
}

/** How a delivery is kept unless the test is about that. */
export function keeping({ headers = {} }: { headers?: Record<string, string> } = {}): Keeping {
  return { provider: 'github', headers, keepsBody: true, proofsInBody: [], secret: null, replayOf: null }
}

/** A delivery of a push to main that every one of `apps` wants. */
export function arrival(given: Parameters<typeof delivery>[0] & { apps?: readonly string[] }): Arrival {
  const { apps = ['blog'] } = given
  return {
    delivery: delivery(given),
    ...keeping(given),
    event: 'push',
    push: null,
    wanted: apps.map((app) => ({ app, ref: 'refs/heads/main', requestedRevision: revision('a') })),
    ignored: [],
    reason: null,
  }
}
