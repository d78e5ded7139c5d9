import { randomUUID } from 'node:crypto'
import { Secret } from '../src/lib/secret.ts'
import { providers } from '../src/providers/index.ts'
import type { Signed } from '../src/providers/provider.ts'

export type GithubPush = {
  /** `acme/blog` */
  readonly repository: string
  readonly ref: string
  readonly before: string
  readonly after: string
  readonly message?: string
  readonly forced?: boolean
  readonly deliveryId?: string
}

/** A push delivery as GitHub would send it for a repository of its own, signed with `secret`. */
export function githubPush(push: GithubPush, secret: string): Signed {
  const body = Buffer.from(JSON.stringify(pushBody(push)))
  return providers.github.sign(
    { event: 'push', id: push.deliveryId ?? randomUUID(), body, at: new Date() },
    new Secret(secret),
  )
}

const zeros = '0'.repeat(40)

function pushBody({ repository, ref, before, after, message = 'Update', forced = false }: GithubPush): object {
  const [owner = '', name = ''] = repository.split('/')
  const html = `https://github.com/${repository}`
  const person = { name: 'Ada', email: 'ada@example.com', username: owner }
  const commit = {
    id: after,
    tree_id: after,
    distinct: true,
    message,
    timestamp: new Date().toISOString(),
    url: `${html}/commit/${after}`,
    author: person,
    committer: person,
    added: [],
    removed: [],
    modified: ['README.md'],
  }
  const deleted = after === zeros
  return {
    ref,
    before,
    after,
    repository: {
      id: 42,
      name,
      full_name: repository,
      private: false,
      owner: { name: owner, login: owner },
      html_url: html,
      clone_url: `${html}.git`,
      ssh_url: `git@github.com:${repository}.git`,
      default_branch: 'main',
    },
    pusher: { name: 'ada', email: 'ada@example.com' },
    sender: { login: 'ada', id: 7 },
    created: before === zeros,
    deleted,
    forced,
    base_ref: null,
    compare: `${html}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: deleted ? [] : [commit],
    head_commit: deleted ? null : commit,
  }
}
