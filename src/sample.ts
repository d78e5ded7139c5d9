import { randomBytes, randomUUID } from 'node:crypto'
import type { App, Webhook } from './model/deploy-map.ts'
import { parseRevision, type Revision } from './model/revision.ts'
import { providerOf } from './providers/index.ts'
import type { Signed } from './providers/provider.ts'

/**
 * A push to `app` as the webhook's host would send it, rightly signed, to test the way it takes. It names `live`, the
 * commit that is deployed, where there is one: a deployment of what is live already changes nothing.
 */
export function composeSample(webhook: Webhook, app: App, { ref, live, at }: Sample): Signed {
  const [secret] = webhook.secrets
  if (secret === undefined) throw new Error(`webhook ${webhook.name} has no secret`)
  const provider = providerOf(webhook)
  const { event, body } = provider.compose({
    repository: nameOf(app),
    url: app.repo.url,
    ref,
    before: madeUp(),
    after: live ?? madeUp(),
    forced: false,
    message: 'Sent by deployhook send',
    pusher: 'deployhook send',
    at,
  })
  return provider.sign({ event, id: randomUUID(), body, at }, { ...webhook, secret })
}

/** `acme/blog` of `github.com/acme/blog`: what a host calls the repository. */
function nameOf({ repo: { identity } }: App): string {
  const [, ...path] = identity.split('/')
  return path.join('/')
}

/** A commit that there is not: the tip is what gets deployed, whatever a push says. */
function madeUp(): Revision | null {
  return parseRevision(randomBytes(20).toString('hex'))
}

type Sample = { readonly ref: string; readonly live: Revision | null; readonly at: Date }
