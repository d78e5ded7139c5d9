import { z } from 'zod'
import { allPages, queryOf, readAs, type Call } from './call.ts'
import type { GitHost, Hook, Hooks, WantedHook } from './git-host.ts'
import type { Answer } from './refusal.ts'
import { encodedPath, ownerAndName } from './web-address.ts'

/** Bitbucket Cloud: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/ */
export const bitbucket: GitHost = {
  title: 'Bitbucket',
  right:
    'the scopes webhook and repository (an access token of the repository; of a person: EMAIL:TOKEN with an API token)',
  testSends: null,
  privateNetworks: null,
  authorization(token) {
    const text = token.reveal()
    // An access token has no colon; a person's API token goes with the address of its owner.
    if (!text.includes(':')) return { authorization: `Bearer ${text}` }
    return { authorization: `Basic ${Buffer.from(text).toString('base64')}` }
  },
  locate({ host, path }) {
    const named = ownerAndName(path)
    if (named === null) return null
    const apiUrl = host === 'bitbucket.org' ? 'https://api.bitbucket.org/2.0' : `https://${host}/2.0`
    return { apiUrl, path: named.path }
  },
  hooksOf,
}

const hookBody = z.object({
  uuid: z.string(),
  url: z.string(),
  description: z.string().nullish(),
  active: z.boolean(),
  events: z.array(z.string()),
  skip_cert_verification: z.boolean().optional(),
  secret_set: z.boolean().optional(),
})

const pageBody = z.object({ values: z.array(hookBody), next: z.string().optional() })

function hooksOf(repository: string, call: Call): Hooks {
  const path = `/repositories/${encodedPath(repository)}/hooks`
  return {
    async list() {
      const found = await allPages(call, {
        path,
        query: { pagelen: '100' },
        items: (answer: Answer) => readAs(pageBody, answer).values,
        rest: (answer: Answer) => queryOf(readAs(pageBody, answer).next),
      })
      return found.map(toHook)
    },
    async create(wanted) {
      await call({ method: 'POST', path, body: bodyOf(wanted, { description: 'deployhook', events: [] }) })
    },
    async update({ id }, wanted) {
      const one = `${path}/${encodeURIComponent(id)}`
      const { description, events } = readAs(hookBody, await call({ path: one }))
      await call({
        method: 'PUT',
        path: one,
        body: bodyOf(wanted, { description: description ?? 'deployhook', events }),
      })
    },
    test: null,
    deliveries: null,
  }
}

function bodyOf(
  { url, secret }: WantedHook,
  { description, events }: { readonly description: string; readonly events: readonly string[] },
): object {
  return {
    description,
    url,
    active: true,
    skip_cert_verification: false,
    secret: secret.reveal(),
    events: [...new Set([...events, 'repo:push'])],
  }
}

function toHook({ uuid, url, active, events, skip_cert_verification, secret_set }: z.output<typeof hookBody>): Hook {
  return {
    id: uuid,
    url,
    isActive: active,
    sendsPushes: events.includes('repo:push'),
    isJson: true,
    verifiesTls: skip_cert_verification === undefined ? null : !skip_cert_verification,
    hasSecret: secret_set ?? null,
    trouble: null,
  }
}
