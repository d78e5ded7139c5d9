import { z } from 'zod'
import { allPages, readAs, type Call } from './call.ts'
import type { GitHost, Hook, Hooks, Sent, WantedHook } from './git-host.ts'
import type { Answer } from './refusal.ts'
import { encodedPath, ownerAndName } from './web-address.ts'

/** Gitee: https://gitee.com/api/v5/swagger. The token goes into a header, though the page shows it in URLs, which get logged. */
export const gitee: GitHost = {
  title: 'Gitee',
  right: 'the scopes projects and hook, of somebody who administers the repository',
  testSends: 'push',
  privateNetworks: null,
  authorization: (token) => ({ authorization: `Bearer ${token.reveal()}` }),
  locate({ host, path }) {
    const named = ownerAndName(path)
    return named === null ? null : { apiUrl: `https://${host}/api/v5`, path: named.path }
  },
  hooksOf,
}

/** `password` is in it too, in clear: it is not read. */
const hookBody = z.object({
  id: z.number(),
  url: z.string(),
  push_events: z.boolean(),
  result: z.string().nullish(),
  result_code: z.union([z.number(), z.string()]).nullish(),
})

const perPage = 100

function hooksOf(repository: string, call: Call): Hooks {
  const path = `/repos/${encodedPath(repository)}/hooks`
  return {
    async list() {
      let page = 1
      const items = (answer: Answer) => readAs(z.array(hookBody), answer)
      const found = await allPages(call, {
        path,
        query: { page: '1', per_page: String(perPage) },
        items,
        rest: (answer) =>
          items(answer).length === 0 ? null : { page: String((page += 1)), per_page: String(perPage) },
      })
      return found.map(toHook)
    },
    async create(wanted) {
      await call({ method: 'POST', path, body: bodyOf(wanted) })
    },
    async update({ id }, wanted) {
      await call({ method: 'PATCH', path: `${path}/${id}`, body: bodyOf(wanted) })
    },
    async test({ id }) {
      await call({ method: 'POST', path: `${path}/${id}/tests` })
    },
    async deliveries({ id }) {
      const { result, result_code } = readAs(hookBody, await call({ path: `${path}/${id}` }))
      return lastOf({ result, result_code })
    },
  }
}

/** `encryption_type` 1: signed with the secret, which then does not travel. */
function bodyOf({ url, secret, tags }: WantedHook): object {
  return {
    url,
    encryption_type: 1,
    password: secret.reveal(),
    push_events: true,
    ...(tags ? { tag_push_events: true } : {}),
  }
}

function toHook({ id, url, push_events }: z.output<typeof hookBody>): Hook {
  return {
    id: String(id),
    url,
    isActive: true,
    sendsPushes: push_events,
    isJson: null,
    verifiesTls: null,
    hasSecret: null,
    trouble: null,
  }
}

/** Gitee remembers the last answer alone, without its time. */
function lastOf({ result, result_code }: Pick<z.output<typeof hookBody>, 'result' | 'result_code'>): readonly Sent[] {
  const code = Number(result_code ?? 0)
  if (code === 0) return []
  return [{ at: null, event: null, status: code, said: result ?? null, providerId: null }]
}
