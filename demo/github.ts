import { randomUUID } from 'node:crypto'
import { Secret } from '../src/lib/secret.ts'
import { parseRevision } from '../src/model/revision.ts'
import { providers } from '../src/providers/index.ts'
import type { Signed } from '../src/providers/provider.ts'

export type GithubPush = {
  /** `acme/blog` */
  readonly repository: string
  readonly ref: string
  /** Commit ids, or zeros for none. */
  readonly before: string
  readonly after: string
  readonly message?: string
  readonly forced?: boolean
  readonly deliveryId?: string
}

/** A push delivery as GitHub would send it for a repository of its own, signed with `secret`. */
export function githubPush(
  { repository, ref, before, after, message = 'Update', forced = false, deliveryId = randomUUID() }: GithubPush,
  secret: string,
): Signed {
  const at = new Date()
  const { event, body } = providers.github.compose({
    repository,
    url: `https://github.com/${repository}.git`,
    ref,
    before: parseRevision(before),
    after: parseRevision(after),
    forced,
    message,
    pusher: 'ada',
    at,
  })
  return providers.github.sign({ event, id: deliveryId, body, at }, { secret: new Secret(secret), options: {} })
}
