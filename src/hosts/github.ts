import { z } from 'zod'
import { allPages, linkedRest, readAs, type Call } from './call.ts'
import type { GitHost, Hook, Hooks, WantedHook } from './git-host.ts'
import { encodedPath, ownerAndName } from './web-address.ts'

/** github.com, GitHub Enterprise Cloud and Server: https://docs.github.com/en/rest/repos/webhooks */
export const github: GitHost = {
  title: 'GitHub',
  right:
    '"Webhooks: Read and write" on the repository (a fine-grained token), or the scope admin:repo_hook (a classic one)',
  testSends: 'ping',
  privateNetworks: null,
  authorization: (token) => ({
    authorization: `Bearer ${token.reveal()}`,
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
  }),
  locate({ host, path }) {
    const named = ownerAndName(path)
    return named === null ? null : { apiUrl: apiUrlOf(host), path: named.path }
  },
  hooksOf,
}

function apiUrlOf(host: string): string {
  if (host === 'github.com') return 'https://api.github.com'
  return host.endsWith('.ghe.com') ? `https://api.${host}` : `https://${host}/api/v3`
}

const hookBody = z.object({
  id: z.number(),
  active: z.boolean(),
  events: z.array(z.string()),
  config: z.object({
    url: z.string().default(''),
    content_type: z.string().default('form'),
    insecure_ssl: z.union([z.string(), z.number()]).default('0'),
    secret: z.string().optional(),
  }),
})

const deliveryBody = z.object({
  guid: z.string(),
  delivered_at: z.string(),
  event: z.string(),
  status: z.string(),
  status_code: z.number(),
})

function hooksOf(repository: string, call: Call): Hooks {
  const path = `/repos/${encodedPath(repository)}/hooks`
  return {
    async list() {
      const items = (answer: Parameters<typeof linkedRest>[0]) => readAs(z.array(hookBody), answer)
      const found = await allPages(call, { path, query: { per_page: '100' }, items, rest: linkedRest })
      return found.map(toHook)
    },
    async create(wanted) {
      await call({
        method: 'POST',
        path,
        body: { name: 'web', active: true, events: ['push'], config: configOf(wanted) },
      })
    },
    async update({ id }, wanted) {
      const { events } = readAs(hookBody, await call({ path: `${path}/${id}` }))
      const hears = events.includes('*') || events.includes('push') ? events : [...events, 'push']
      // All of `config` at once: a secret that is left out is taken away.
      await call({
        method: 'PATCH',
        path: `${path}/${id}`,
        body: { active: true, events: hears, config: configOf(wanted) },
      })
    },
    async test({ id }) {
      await call({ method: 'POST', path: `${path}/${id}/pings` })
    },
    async deliveries({ id }) {
      const answer = await call({ path: `${path}/${id}/deliveries`, query: { per_page: '10' } })
      return readAs(z.array(deliveryBody), answer).map(({ guid, delivered_at, event, status, status_code }) => ({
        at: delivered_at,
        event,
        status: status_code === 0 ? null : status_code,
        said: status,
        providerId: guid,
      }))
    },
  }
}

function configOf({ url, secret }: WantedHook): object {
  return { url, content_type: 'json', insecure_ssl: '0', secret: secret.reveal() }
}

function toHook({ id, active, events, config }: z.output<typeof hookBody>): Hook {
  return {
    id: String(id),
    url: config.url,
    isActive: active,
    sendsPushes: events.includes('push') || events.includes('*'),
    isJson: config.content_type === 'json',
    verifiesTls: String(config.insecure_ssl) === '0',
    hasSecret: config.secret !== undefined && config.secret !== '',
    trouble: null,
  }
}
