import { bitbucket } from './bitbucket.ts'
import { gitee } from './gitee.ts'
import { giteaHost } from './gitea-family.ts'
import { github } from './github.ts'
import { gitlab } from './gitlab.ts'
import type { GitHost } from './git-host.ts'

export { createCall } from './call.ts'
export { HostProblem } from './host-problem.ts'
export { webAddressOf } from './web-address.ts'
export type { GitHost, Hook, Hooks, Sent, WantedHook } from './git-host.ts'

/** Every git host whose API makes webhooks, by the name of its provider: a new one is a file of its own and a line here. */
export const hosts: Readonly<Record<string, GitHost>> = {
  github,
  gitlab,
  gitea: giteaHost({ title: 'Gitea', type: 'gitea' }),
  forgejo: giteaHost({ title: 'Forgejo', type: 'forgejo' }),
  bitbucket,
  gitee,
}

/** null: deployhook does not know its API. */
export function hostOf(provider: string): GitHost | null {
  return Object.hasOwn(hosts, provider) ? (hosts[provider] ?? null) : null
}
