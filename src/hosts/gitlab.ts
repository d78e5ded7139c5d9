import { z } from 'zod'
import { isSigningSecret } from '../lib/standard-webhooks.ts'
import { allPages, linkedRest, readAs, type Call } from './call.ts'
import type { GitHost, Hook, Hooks, WantedHook } from './git-host.ts'
import { HostProblem } from './host-problem.ts'
import type { Answer } from './refusal.ts'

/** gitlab.com and self-managed GitLab: https://docs.gitlab.com/api/project_webhooks/ */
export const gitlab: GitHost = {
  title: 'GitLab',
  right: 'the scope api and the role Maintainer in the project',
  testSends: 'push',
  privateNetworks:
    'A GitLab of your own sends to addresses of its own network only if an administrator allows it: Admin → Settings → Network → Outbound requests.',
  authorization: (token) => ({ 'private-token': token.reveal() }),
  locate: ({ host, path }) => (path.includes('/') ? { apiUrl: `https://${host}/api/v4`, path } : null),
  hooksOf,
}

const hookBody = z.object({
  id: z.number(),
  url: z.string(),
  push_events: z.boolean(),
  enable_ssl_verification: z.boolean(),
  alert_status: z.string().nullish(),
  disabled_until: z.string().nullish(),
  token_present: z.boolean().optional(),
  signing_token_present: z.boolean().optional(),
})

const eventBody = z.object({
  trigger: z.string().nullish(),
  request_headers: z.record(z.string(), z.unknown()).nullish(),
  response_status: z.union([z.string(), z.number()]).nullish(),
  created_at: z.string().nullish(),
})

function hooksOf(project: string, call: Call): Hooks {
  const path = `/projects/${encodeURIComponent(project)}/hooks`
  return {
    async list() {
      const items = (answer: Answer) => readAs(z.array(hookBody), answer)
      const found = await allPages(call, { path, query: { per_page: '100' }, items, rest: linkedRest })
      return found.map(toHook)
    },
    async create(wanted) {
      const made = readAs(hookBody, await call({ method: 'POST', path, body: bodyOf(wanted) }))
      if (!isUnsigned(made, wanted)) return
      await call({ method: 'DELETE', path: `${path}/${made.id}` })
      throw noSigning()
    },
    async update({ id }, wanted) {
      const made = readAs(hookBody, await call({ method: 'PUT', path: `${path}/${id}`, body: bodyOf(wanted) }))
      if (isUnsigned(made, wanted)) throw noSigning()
    },
    async test({ id }) {
      await call({ method: 'POST', path: `${path}/${id}/test/push_events` })
    },
    async deliveries({ id }) {
      const answer = await call({ path: `${path}/${id}/events`, query: { per_page: '10' } })
      return readAs(z.array(eventBody), answer).map(({ trigger, request_headers, response_status, created_at }) => ({
        at: created_at ?? null,
        event: trigger ?? null,
        status: statusOf(response_status),
        said: statusOf(response_status) === null ? ((response_status ?? null)?.toString() ?? null) : null,
        providerId: idOf(request_headers ?? {}),
      }))
    },
  }
}

/** What is not named stays as it is. Without `tag_push_events` tags that are wanted would never be told of. */
function bodyOf({ url, secret, tags }: WantedHook): object {
  const text = secret.reveal()
  return {
    url,
    push_events: true,
    ...(tags ? { tag_push_events: true } : {}),
    enable_ssl_verification: true,
    ...(isSigningSecret(text) ? { signing_token: text } : { token: text }),
  }
}

/** An older GitLab passes over a key that it does not know, and would then send without a proof. */
function isUnsigned(made: z.output<typeof hookBody>, { secret }: WantedHook): boolean {
  return isSigningSecret(secret.reveal()) && made.signing_token_present !== true
}

function noSigning(): HostProblem {
  return new HostProblem(
    'refused',
    'this GitLab has no signing tokens, which came with GitLab 19: use a secret that does not start with whsec_ (openssl rand -hex 32), which it sends as secret token',
  )
}

function toHook(body: z.output<typeof hookBody>): Hook {
  const { id, url, push_events, enable_ssl_verification, alert_status, disabled_until } = body
  const { token_present, signing_token_present } = body
  const isDisabled = alert_status === 'disabled' || alert_status === 'temporarily_disabled'
  return {
    id: String(id),
    url,
    isActive: !isDisabled,
    sendsPushes: push_events,
    isJson: true,
    verifiesTls: enable_ssl_verification,
    hasSecret:
      token_present === undefined && signing_token_present === undefined
        ? null
        : token_present === true || signing_token_present === true,
    trouble: isDisabled
      ? `GitLab has switched it off after failures${disabled_until ? ` until ${disabled_until}` : ''}; a successful test switches it on again`
      : null,
  }
}

/** GitLab writes `internal error` where no answer came. */
function statusOf(written: string | number | null | undefined): number | null {
  const text = String(written ?? '')
  return /^[1-5]\d\d$/.test(text) ? Number(text) : null
}

/** The header by which deployhook knows a delivery of GitLab again. */
function idOf(headers: Readonly<Record<string, unknown>>): string | null {
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === 'idempotency-key')?.[1]
  return typeof found === 'string' ? found : null
}
