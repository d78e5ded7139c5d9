import { z } from 'zod'
import { markVerified, type VerifiedDelivery } from '../model/delivery.ts'
import type { PushEvent } from '../model/push-event.ts'
import { parseRevision, zeroSha } from '../model/revision.ts'
import {
  anyRef,
  fullName,
  list,
  maybe,
  message,
  namesOf,
  object,
  person,
  readBody,
  refName,
  revision,
  toHeadCommit,
  url,
} from './fields.ts'
import { claimedIdOf, eventNameOf, hasHeader, headerOf, idOf } from './headers.ts'
import { jsonTextOf } from './json-text.ts'
import { parseJson } from './json.ts'
import type { Parsed, Provider, SamplePush } from './provider.ts'
import { hmacSha256, provingSecret, sameDigest } from './signature.ts'

type Host = 'gogs' | 'gitea' | 'forgejo'

/** What Gogs and the hosts that descend from it do each in their own way. */
export type Descent = {
  /** The names that its headers carry, its own first: an old Forgejo still speaks like Gitea. */
  readonly names: readonly [Host, ...Host[]]
  /** Whether a tag is told by `create` alone, without a push of its own. */
  readonly createsTags: boolean
}

/**
 * Gogs, Gitea and Forgejo: the signature is 64 hex digits, the HMAC of the JSON text, also where that comes as a field
 * of a form. They send GitHub's headers along, which are never looked at, and empty signatures while no secret is set:
 * https://codeberg.org/forgejo/forgejo/src/branch/forgejo/services/webhook/shared/payloader.go
 */
export function createGogsFamily({ names, createsTags }: Descent): Provider {
  const [own] = names
  const kind = own.charAt(0).toUpperCase() + own.slice(1)
  const spelt = (what: 'event' | 'delivery' | 'signature') => names.map((name) => `x-${name}-${what}` as const)
  const sent = (headers: VerifiedDelivery['headers'], what: Parameters<typeof spelt>[0]) =>
    spelt(what).find((name) => headers[name] !== undefined) ?? (`x-${own}-${what}` as const)

  return {
    options: z.strictObject({}),
    headers: [...spelt('event'), ...spelt('delivery')],
    proof: () => 'signature over the body',

    form: () => ({
      urlField: own === 'gogs' ? '"Payload URL"' : '"Target URL"',
      secretField: '"Secret"',
      fields: ['"Content type" application/json', own === 'gogs' ? '"Just the push event"' : '"Push events"'],
      sends: `the header X-${kind}-Signature: the webhook must be of the type "${kind}", not Slack or another`,
      again: 'send it again under "Recent Deliveries"',
    }),

    verify(delivery, { secrets }) {
      const { headers } = delivery
      const hex = headerOf(headers, sent(headers, 'signature'))
      if (hex === null) return { refused: hasHeader(headers, otherSchemes) ? 'wrong_scheme' : 'no_signature' }
      if (hex === '') return { refused: 'no_signature' }
      if (!/^[0-9a-f]{64}$/.test(hex)) return { refused: 'malformed_header' }
      const text = jsonTextOf(delivery)
      if ('problem' in text) return { refused: 'bad_signature' }
      const signature = Buffer.from(hex, 'hex')
      const secret = provingSecret(secrets, (key) => sameDigest(signature, hmacSha256(key, [text.value])))
      if (secret === null) return { refused: 'bad_signature' }
      // From here on the body is what was signed: a form may spell the same text in many ways, each with another hash.
      const proven = { ...delivery, body: text.value }
      return markVerified(proven, { providerId: idOf(headers, sent(headers, 'delivery')), idIsSigned: false, secret })
    },

    parse(delivery) {
      const header = sent(delivery.headers, 'event')
      const event = eventNameOf(headerOf(delivery.headers, header))
      if (event === null) return { kind: 'malformed', event, problem: `${header}: must be the name of an event` }
      if (event === 'push') return read(delivery, event, { schema: pushBody, toPush })
      if (event === 'delete') return read(delivery, event, { schema: deleteBody, toPush: toDeletion })
      if (event === 'create' && createsTags) return read(delivery, event, { schema: createBody, toPush: toTag })
      return { kind: 'ignored', event, reason: 'event' }
    },

    claimedId: (headers) => claimedIdOf(headers, sent(headers, 'delivery')),

    compose: (push) => compose(push, createsTags),

    sign({ event, id, body }, { secret }) {
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'Go-http-client/1.1',
        [`x-${own}-event`]: event,
        [`x-${own}-delivery`]: id,
        [`x-${own}-signature`]: hmacSha256(secret.reveal(), [body]).toString('hex'),
      }
      return { headers, body }
    },
  }
}

const otherSchemes = ['x-hub-signature-256', 'x-hub-signature', 'x-gitlab-token', 'authorization'] as const

// https://github.com/go-gitea/gitea/blob/main/modules/structs/hook.go
const origin = {
  repository: object({ full_name: fullName, clone_url: url, ssh_url: url, html_url: url }),
  pusher: maybe(z.object({ login: person, username: person })),
  sender: maybe(z.object({ login: person, username: person })),
}
const commit = z.object({ message, author: maybe(z.object({ name: person })) })
const pushBody = object({
  ...origin,
  ref: refName,
  before: revision,
  after: revision,
  head_commit: maybe(commit),
  commits: maybe(list),
})
/** The ref is short or full by version. */
const deleteBody = object({ ...origin, ref: anyRef, ref_type: z.unknown() })
const createBody = object({ ...deleteBody.shape, sha: z.unknown() })

/** null: nothing that deploys. */
type Read<Fields> = (fields: Fields) => PushEvent | 'ping' | null

function read<Fields>(
  delivery: VerifiedDelivery,
  event: string,
  { schema, toPush }: { readonly schema: z.ZodType<Fields>; readonly toPush: Read<Fields> },
): Parsed {
  const json = parseJson(delivery.body)
  const body = 'problem' in json ? json : readBody(json.value, schema)
  if ('problem' in body) return { kind: 'malformed', event, problem: body.problem }
  const push = toPush(body.fields)
  if (push === null || push === 'ping') return { kind: 'ignored', event, reason: push ?? 'event' }
  return { kind: 'pushes', event, pushes: [push] }
}

/**
 * The button in the form sends a push that moves nothing: from a commit to itself, or in newer Gitea from zeros to zeros.
 * https://github.com/go-gitea/gitea/blob/main/routers/web/repo/setting/webhook.go
 */
function toPush(fields: z.output<typeof pushBody>): PushEvent | 'ping' {
  const { ref, before, after, head_commit, commits } = fields
  if (before === after) return 'ping'
  const head = head_commit ?? maybe(commit).parse(commits?.[0] ?? null) // newest first; Gogs has no head_commit
  return {
    ...originOf(fields),
    ref,
    before,
    after,
    deleted: after === null,
    headCommit: toHeadCommit(head),
  }
}

/** A branch that is gone is told by this event alone. */
function toDeletion(fields: z.output<typeof deleteBody>): PushEvent {
  const prefix = fields.ref_type === 'tag' ? 'refs/tags/' : 'refs/heads/'
  // A tag may be called refs/heads/main; it never stands for that branch.
  const ref = fields.ref.startsWith(prefix) ? fields.ref : prefix + fields.ref
  return { ...originOf(fields), ref, before: null, after: null, deleted: true, headCommit: null }
}

function toTag(fields: z.output<typeof createBody>): PushEvent | null {
  if (fields.ref_type !== 'tag') return null
  return { ...toDeletion(fields), after: parseRevision(fields.sha), deleted: false }
}

type Origin = Pick<z.output<typeof pushBody>, keyof typeof origin>

function originOf({
  repository,
  pusher,
  sender,
}: Origin): Pick<PushEvent, 'repository' | 'names' | 'app' | 'forced' | 'pusher'> {
  const { full_name, clone_url, ssh_url, html_url } = repository
  const who = pusher ?? sender
  return {
    repository: full_name,
    names: namesOf(full_name, [clone_url, ssh_url, html_url]),
    app: null,
    forced: null,
    pusher: who && (who.login ?? who.username),
  }
}

function compose(push: SamplePush, createsTags: boolean): ReturnType<Provider['compose']> {
  const { repository, url: cloneUrl, ref, before, after, pusher } = push
  const [, kind, short] = /^refs\/(heads|tags)\/(.+)$/.exec(ref) ?? []
  const common = {
    repository: { name: repository.split('/').at(-1), full_name: repository, clone_url: cloneUrl },
    sender: { login: pusher, username: pusher },
  }
  const type = { ref: short ?? ref, ref_type: kind === 'tags' ? 'tag' : 'branch' }
  if (after === null) return written('delete', { ...type, pusher_type: 'user', ...common })
  if (kind === 'tags' && createsTags) return written('create', { ...type, sha: after, ...common })
  const head = {
    id: after,
    message: push.message,
    author: { name: pusher },
    timestamp: push.at.toISOString(),
  }
  return written('push', {
    ref,
    before: before ?? zeroSha,
    after,
    commits: [head],
    ...common,
    pusher: common.sender,
  })
}

function written(event: string, body: object): ReturnType<Provider['compose']> {
  return { event, body: Buffer.from(JSON.stringify(body, null, 2)) }
}
