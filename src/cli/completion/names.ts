import type { Client } from '../client.ts'

/** What can be asked of the daemon, so that a shell can complete it. */
export const nameKinds = ['apps', 'deployments', 'deliveries', 'webhooks', 'reporters'] as const

export type NameKind = (typeof nameKinds)[number]

export type Name = { readonly name: string; readonly meaning: string }

type Asking = Pick<Client, 'apps' | 'deployments' | 'deliveries' | 'webhooks' | 'status'>

/** The newest first, where there are too many to choose from. */
const limit = 50

/** The names of one kind that the daemon knows, each with a few words on it. */
export const namesOf: Readonly<Record<NameKind, (client: Asking) => Promise<readonly Name[]>>> = {
  async apps(client) {
    const { apps } = await client.apps()
    return apps.map(({ name, path }) => ({ name, meaning: path }))
  },
  async deployments(client) {
    const { deployments } = await client.deployments({ limit })
    return deployments.map(({ id, app, state, outcome }) => ({
      name: String(id),
      meaning: `${app} ${outcome ?? state}`,
    }))
  },
  async deliveries(client) {
    const { deliveries } = await client.deliveries({ limit })
    return deliveries.map(({ id, webhook, result }) => ({ name: String(id), meaning: `${webhook} ${result}` }))
  },
  async webhooks(client) {
    const { webhooks } = await client.webhooks()
    return webhooks.map(({ name, provider }) => ({ name, meaning: provider }))
  },
  async reporters(client) {
    const { reporters } = await client.status()
    return reporters.map(({ name, kind }) => ({ name, meaning: kind ?? 'gone' }))
  },
}
