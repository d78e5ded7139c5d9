import { plain, type Dialect, type FakeAnswer, type FakeRequest, type FakeState, type KeptHook } from './fake-host.ts'

/**
 * How the API of each host speaks: /work/shared/reference/providers.md, and where that is silent the documentation of
 * the host or, for what Forgejo does with the secret of an edit, its source.
 */
const github: Dialect = {
  hooksPath: '/repos/acme/blog/hooks',
  shows: ({ authorization }, token) => authorization === `Bearer ${token}`,
  answer(request, host) {
    const shown = ({ id, url, secret, isActive, pushes, isJson, verifiesTls, extra }: KeptHook) => ({
      id: Number(id),
      name: 'web',
      active: isActive,
      events: [...(pushes ? ['push'] : []), ...((extra['events'] as string[] | undefined) ?? [])],
      config: {
        url,
        content_type: isJson ? 'json' : 'form',
        insecure_ssl: verifiesTls ? '0' : '1',
        ...(secret === null ? {} : { secret: '********' }),
      },
      last_response: { code: null, status: 'unused', message: null },
    })
    const take = (hook: KeptHook): void => {
      const config = request.body['config'] as Record<string, string> | undefined
      if (config !== undefined) {
        // A config without a secret takes the secret away.
        Object.assign(hook, { url: config['url'], secret: config['secret'] ?? null })
        hook.isJson = config['content_type'] === 'json'
        hook.verifiesTls = config['insecure_ssl'] !== '1'
      }
      const events = request.body['events'] as string[] | undefined
      if (events !== undefined) {
        hook.pushes = events.includes('push')
        hook.extra = { events: events.filter((event) => event !== 'push') }
      }
      if (request.body['active'] !== undefined) hook.isActive = request.body['active'] === true
    }
    return (
      crud(request, host, { shown, take, edit: 'PATCH', pages: linked, size: 'per_page' }) ??
      tested(request, host, { path: 'pings', status: 204 }) ??
      remembered(request, host, 'deliveries', ({ at, event, status, providerId }) => ({
        id: 1,
        guid: providerId,
        delivered_at: at,
        redelivery: false,
        duration: 0.1,
        status: status === 200 ? 'OK' : 'Invalid HTTP Response',
        status_code: status,
        event,
        action: null,
      }))
    )
  },
}

const gitlab: Dialect = {
  hooksPath: '/projects/acme%2Fblog/hooks',
  shows: (headers, token) => headers['private-token'] === token,
  answer(request, host) {
    const shown = ({ id, url, secret, pushes, verifiesTls, isActive, extra }: KeptHook) => ({
      id: Number(id),
      url,
      project_id: 3,
      push_events: pushes,
      tag_push_events: extra['tags'] === true,
      enable_ssl_verification: verifiesTls,
      alert_status: isActive ? 'executable' : 'disabled',
      disabled_until: null,
      token_present: secret !== null && !secret.startsWith('whsec_'),
      ...(extra['old'] === true ? {} : { signing_token_present: secret?.startsWith('whsec_') === true }),
    })
    const take = (hook: KeptHook): void => {
      const { body } = request
      const isOld = host.hooks.some(({ extra }) => extra['old'] === true)
      if (isOld) hook.extra = { ...hook.extra, old: true }
      if (body['url'] !== undefined) hook.url = text(body['url'])
      if (body['push_events'] !== undefined) hook.pushes = body['push_events'] === true
      if (body['tag_push_events'] !== undefined) hook.extra = { ...hook.extra, tags: body['tag_push_events'] }
      if (body['enable_ssl_verification'] !== undefined) hook.verifiesTls = body['enable_ssl_verification'] === true
      if (body['token'] !== undefined) hook.secret = text(body['token'])
      if (body['signing_token'] !== undefined && !isOld) hook.secret = text(body['signing_token'])
    }
    if (request.method === 'PUT' && request.body['url'] === undefined)
      return { status: 400, body: { error: 'url is missing' } }
    return (
      crud(request, host, { shown, take, edit: 'PUT', pages: linked, size: 'per_page' }) ??
      tested(request, host, { path: 'test/push_events', status: 201 }) ??
      remembered(request, host, 'events', ({ event, status, providerId }) => ({
        id: 1,
        url: 'https://example.net/',
        trigger: event,
        request_headers: { 'X-Gitlab-Token': '[REDACTED]', 'Idempotency-Key': providerId },
        response_status: status === 0 ? 'internal error' : String(status),
      }))
    )
  },
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function giteaFamily({ keepsSecretOfEdits }: { readonly keepsSecretOfEdits: boolean }): Dialect {
  return {
    hooksPath: '/repos/acme/blog/hooks',
    shows: ({ authorization }, token) => authorization === `token ${token}`,
    answer(request, host) {
      const shown = ({ id, url, isActive, pushes, isJson, extra }: KeptHook) => ({
        id: Number(id),
        type: extra['type'] ?? 'gitea',
        active: isActive,
        events: [...(pushes ? ['push'] : []), ...((extra['events'] as string[] | undefined) ?? [])],
        config: { url, content_type: isJson ? 'json' : 'form' },
        branch_filter: extra['branch_filter'] ?? '',
        authorization_header: extra['authorization_header'] ?? '',
      })
      const take = (hook: KeptHook, { isNew }: { readonly isNew: boolean }): void => {
        const { type, active, events = [], config, branch_filter, authorization_header } = request.body
        const { url, content_type, secret } = config as Record<string, string>
        Object.assign(hook, { url, isJson: content_type === 'json' })
        if (isNew || keepsSecretOfEdits) hook.secret = secret ?? null
        hook.isActive = active === true
        hook.pushes = (events as string[]).includes('push')
        const others = (events as string[]).filter((event) => event !== 'push')
        hook.extra = { type: type ?? hook.extra['type'], events: others, branch_filter, authorization_header }
      }
      return (
        crud(request, host, { shown, take, edit: 'PATCH', pages: linked, size: 'limit' }) ??
        tested(request, host, { path: 'tests', status: 204 })
      )
    },
  }
}

const bitbucket: Dialect = {
  hooksPath: '/repositories/acme/blog/hooks',
  shows: ({ authorization }, token) =>
    authorization === `Bearer ${token}` ||
    authorization === `Basic ${Buffer.from(`me@example.com:${token}`).toString('base64')}`,
  answer(request, host) {
    const shown = ({ id, url, secret, isActive, pushes, verifiesTls, extra }: KeptHook) => ({
      uuid: `{${id}}`,
      url,
      description: extra['description'] ?? null,
      active: isActive,
      events: [...(pushes ? ['repo:push'] : []), ...((extra['events'] as string[] | undefined) ?? [])],
      skip_cert_verification: !verifiesTls,
      secret_set: secret !== null,
    })
    const take = (hook: KeptHook): void => {
      const { url, description, active, events, skip_cert_verification, secret } = request.body
      Object.assign(hook, { url, isActive: active, verifiesTls: skip_cert_verification !== true })
      hook.pushes = (events as string[]).includes('repo:push')
      hook.extra = { description, events: (events as string[]).filter((event) => event !== 'repo:push') }
      if (secret !== undefined) hook.secret = secret as string | null
    }
    const inBody: Pages = (items, { more, page }) => ({
      status: 200,
      body: {
        values: items,
        // Bitbucket names its own public address, wherever it was asked.
        ...(more ? { next: `https://api.bitbucket.org/2.0/anything?pagelen=${items.length}&page=${page + 1}` } : {}),
      },
    })
    return crud(request, host, { shown, take, edit: 'PUT', pages: inBody, size: 'pagelen' })
  },
}

const gitee: Dialect = {
  hooksPath: '/repos/acme/blog/hooks',
  shows: ({ authorization }, token) => authorization === `Bearer ${token}`,
  answer(request, host) {
    const shown = ({ id, url, secret, pushes }: KeptHook) => {
      const [last] = host.sent.get(id) ?? []
      return {
        id: Number(id),
        url,
        password: secret,
        project_id: 1,
        result: last === undefined ? null : 'ok',
        result_code: last?.status ?? null,
        push_events: pushes,
      }
    }
    const take = (hook: KeptHook): void => {
      const { url, password, push_events, encryption_type } = request.body
      Object.assign(hook, { url, secret: password, pushes: push_events === true, extra: { encryption_type } })
    }
    const bare: Pages = (items) => ({ status: 200, body: items })
    return (
      crud(request, host, { shown, take, edit: 'PATCH', pages: bare, size: 'per_page' }) ??
      tested(request, host, { path: 'tests', status: 204 })
    )
  },
}

export const dialects: Readonly<Record<string, Dialect>> = {
  github,
  gitlab,
  gitea: giteaFamily({ keepsSecretOfEdits: true }),
  forgejo: giteaFamily({ keepsSecretOfEdits: false }),
  bitbucket,
  gitee,
}

type Pages = (
  items: readonly unknown[],
  at: { readonly more: boolean; readonly page: number; readonly url: string },
) => FakeAnswer

const linked: Pages = (items, { more, page, url }) => ({
  status: 200,
  body: items,
  headers: more ? { link: `<${url}&page=${page + 1}>; rel="next", <${url}&page=99>; rel="last"` } : {},
})

/** No host here gives more than this at once, whatever it is asked for. */
const pageSize = 20

function crud(
  request: FakeRequest,
  host: FakeState,
  {
    shown,
    take,
    edit,
    pages,
    size,
  }: {
    readonly shown: (hook: KeptHook) => unknown
    readonly take: (hook: KeptHook, at: { readonly isNew: boolean }) => void
    readonly edit: 'PATCH' | 'PUT'
    readonly pages: Pages
    readonly size: string
  },
): FakeAnswer | null {
  const { method, path, query } = request
  if (path === '/hooks' && method === 'GET') {
    const page = Number(query.get('page') ?? '1')
    const length = Math.min(pageSize, Number(query.get(size) ?? '10'))
    const items = host.hooks.slice((page - 1) * length, page * length)
    const more = host.hooks.length > page * length
    return pages(items.map(shown), { more, page, url: `https://public.example.com/anything?${size}=${length}` })
  }
  if (path === '/hooks' && method === 'POST') {
    const hook = plain(String(host.nextId()))
    take(hook, { isNew: true })
    host.hooks.push(hook)
    return { status: 201, body: shown(hook) }
  }
  const hook = host.hooks.find(({ id }) => [`/hooks/${id}`, `/hooks/{${id}}`].includes(path))
  if (hook === undefined) return null
  if (method === 'GET') return { status: 200, body: shown(hook) }
  if (method === 'DELETE') {
    host.hooks.splice(host.hooks.indexOf(hook), 1)
    return { status: 204 }
  }
  if (method !== edit) return null
  take(hook, { isNew: false })
  return { status: 200, body: shown(hook) }
}

function tested(
  { method, path }: FakeRequest,
  host: FakeState,
  { path: below, status }: { readonly path: string; readonly status: number },
): FakeAnswer | null {
  const hook = host.hooks.find(({ id }) => path === `/hooks/${id}/${below}`)
  if (hook === undefined || method !== 'POST') return null
  host.onTest(hook)
  return status === 204 ? { status } : { status, body: { message: '201 Created' } }
}

function remembered(
  { method, path }: FakeRequest,
  host: FakeState,
  below: string,
  shown: (sent: { at: string; event: string; status: number; providerId: string | null }) => unknown,
): FakeAnswer | null {
  const hook = host.hooks.find(({ id }) => path === `/hooks/${id}/${below}`)
  if (hook === undefined || method !== 'GET') return null
  return { status: 200, body: (host.sent.get(hook.id) ?? []).map(shown) }
}
