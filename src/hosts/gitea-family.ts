import { z } from 'zod'
import { allPages, linkedRest, readAs, type Call } from './call.ts'
import type { GitHost, Hook, Hooks, WantedHook } from './git-host.ts'
import type { Answer } from './refusal.ts'
import { encodedPath, ownerAndName } from './web-address.ts'

/** Gitea and Forgejo, which keep one API: https://docs.gitea.com/api/ and https://codeberg.org/api/swagger */
export function giteaHost({ title, type }: { readonly title: string; readonly type: 'gitea' | 'forgejo' }): GitHost {
  return {
    title,
    right: 'the scope write:repository, of somebody who administers the repository',
    testSends: 'push',
    privateNetworks: `${title} sends to public addresses only, unless [webhook] ALLOWED_HOST_LIST in its app.ini allows others.`,
    authorization: (token) => ({ authorization: `token ${token.reveal()}` }),
    locate({ host, path }) {
      const named = ownerAndName(path)
      if (named === null) return null
      const { prefix } = named
      return { apiUrl: `https://${host}${prefix === '' ? '' : `/${prefix}`}/api/v1`, path: named.path }
    },
    hooksOf: (path, call) => hooksOf(path, { call, type }),
  }
}

const hookBody = z.object({
  id: z.number(),
  type: z.string(),
  active: z.boolean(),
  events: z.array(z.string()).nullable(),
  config: z.record(z.string(), z.string()),
  branch_filter: z.string().optional(),
  authorization_header: z.string().optional(),
})

function hooksOf(
  repository: string,
  { call, type }: { readonly call: Call; readonly type: 'gitea' | 'forgejo' },
): Hooks {
  const path = `/repos/${encodedPath(repository)}/hooks`
  return {
    async list() {
      const items = (answer: Answer) => readAs(z.array(hookBody), answer)
      const found = await allPages(call, { path, query: { limit: '50', page: '1' }, items, rest: linkedRest })
      return found.map(toHook)
    },
    async create(wanted) {
      await call({ method: 'POST', path, body: { type, active: true, events: wantedEvents, config: configOf(wanted) } })
    },
    /**
     * A new one is made, then the old one removed: Forgejo's edit passes over the secret without a word, and so did
     * Gitea's for years (routers/api/v1/utils/hook.go, editHook). Meanwhile both send, each with a secret that is good.
     */
    async update({ id }, wanted) {
      const old = readAs(hookBody, await call({ path: `${path}/${id}` }))
      const { branch_filter = '', authorization_header = '' } = old
      const events = [...new Set([...(old.events ?? []), ...wantedEvents])]
      await call({
        method: 'POST',
        path,
        body: { type, active: true, events, config: configOf(wanted), branch_filter, authorization_header },
      })
      await call({ method: 'DELETE', path: `${path}/${id}` })
    },
    async test({ id }) {
      await call({ method: 'POST', path: `${path}/${id}/tests` })
    },
    deliveries: null,
  }
}

/** A removed branch is told of by `delete` alone. */
const wantedEvents = ['push', 'delete']

function configOf({ url, secret }: WantedHook): object {
  return { url, content_type: 'json', http_method: 'POST', secret: secret.reveal() }
}

function toHook({ id, type, active, events, config }: z.output<typeof hookBody>): Hook {
  const isKnown = ['gitea', 'forgejo', 'gogs'].includes(type)
  return {
    id: String(id),
    url: config['url'] ?? '',
    isActive: active,
    sendsPushes: (events ?? []).includes('push'),
    isJson: config['content_type'] === 'json',
    // An option of the whole server ([webhook] SKIP_TLS_VERIFY), not of a hook.
    verifiesTls: null,
    hasSecret: null,
    trouble: isKnown ? null : `it is of the type ${type}, whose messages are no pushes`,
  }
}
