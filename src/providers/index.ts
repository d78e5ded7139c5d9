import { azure } from './azure.ts'
import { bitbucketDatacenter } from './bitbucket-datacenter.ts'
import { bitbucket } from './bitbucket.ts'
import { forgejo } from './forgejo.ts'
import { gitea } from './gitea.ts'
import { gitee } from './gitee.ts'
import { github } from './github.ts'
import { gitlab } from './gitlab.ts'
import { gogs } from './gogs.ts'
import { standard } from './standard.ts'
import type { Provider } from './provider.ts'

export type { Provider }

/** Every kind of git host that deploy.yml may name: a new one is a file of its own, a line here and its fixtures. */
export const providers = {
  github,
  gitlab,
  gitea,
  forgejo,
  gogs,
  bitbucket,
  'bitbucket-datacenter': bitbucketDatacenter,
  gitee,
  azure,
  standard,
} satisfies Record<string, Provider>

export type ProviderName = keyof typeof providers

/** The provider of a webhook of the map. Throws for an unknown name: the map was checked, so that is a bug of ours. */
export function providerOf(webhook: { readonly provider: string }): Provider {
  if (!isProviderName(webhook.provider)) throw new Error(`no provider is called ${JSON.stringify(webhook.provider)}`)
  return providers[webhook.provider]
}

export function isProviderName(name: string): name is ProviderName {
  return Object.hasOwn(providers, name)
}
