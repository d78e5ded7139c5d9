import { z } from 'zod'
import type { PushEvent } from '../model/push-event.ts'
import { identityOf } from '../model/repository.ts'
import {
  anyRef,
  flag,
  fullName,
  list,
  maybe,
  message,
  namesOf,
  object,
  person,
  readJson,
  readEach,
  revision,
  url,
} from './fields.ts'
import { claimedIdOf, eventNameOf, headerOf } from './headers.ts'
import { hubSignature, verifyHubSignature } from './hub-signature.ts'
import type { Parsed, Provider, SamplePush } from './provider.ts'

/**
 * Bitbucket Cloud. The header lacks GitHub's `-256`, its value is SHA-256 all the same. One push tells every ref that
 * it moved: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push
 */
export const bitbucket: Provider = {
  options: z.strictObject({}),
  headers: ['x-event-key', 'x-request-uuid', 'x-hook-uuid', 'x-attempt-number'],
  proof: () => 'signature over the body',

  form: () => ({
    urlField: '"URL"',
    secretField: '"Secret"',
    fields: ['"Active"', 'the trigger "Repository push"'],
    sends: 'the header X-Hub-Signature with SHA-256',
    again: 'resend it under "View requests"',
  }),

  verify: (delivery, { secrets }) =>
    verifyHubSignature(delivery, { secrets, header: 'x-hub-signature', idHeader: 'x-request-uuid', otherSchemes }),

  parse({ headers, body }) {
    const event = eventNameOf(headerOf(headers, 'x-event-key'))
    if (event === null) return { kind: 'malformed', event, problem: 'x-event-key: must be the name of an event' }
    if (event !== 'repo:push') return { kind: 'ignored', event, reason: 'event' }
    return parsePush(event, body)
  },

  claimedId: (headers) => claimedIdOf(headers, 'x-request-uuid'),

  compose: (push) => ({ event: 'repo:push', body: Buffer.from(JSON.stringify(writtenAs(push))) }),

  sign({ event, id, body }, { secret }) {
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Bitbucket-Webhooks/2.0',
      'x-attempt-number': '1',
      'x-event-key': event,
      'x-request-uuid': id,
      'x-hub-signature': hubSignature(body, secret),
    }
    return { headers, body }
  },
}

const otherSchemes = ['x-hub-signature-256', 'x-gitlab-token', 'authorization'] as const

const pushBody = object({
  push: object({ changes: list }),
  repository: object({ full_name: fullName, links: maybe(z.object({ html: maybe(z.object({ href: url })) })) }),
  actor: maybe(z.object({ nickname: person, display_name: person })),
})
const target = object({
  hash: revision,
  message,
  author: maybe(z.object({ raw: person })),
})
const side = object({ type: z.unknown(), name: anyRef, target }).nullable()
const changeBody = object({ old: side, new: side, forced: flag.nullable() })

type Side = NonNullable<z.output<typeof side>>

function parsePush(event: string, body: Buffer): Parsed {
  const read = readJson(body, pushBody)
  if ('problem' in read) return { kind: 'malformed', event, problem: read.problem }
  const { push, repository, actor } = read.fields
  const changes = readEach(push.changes, changeBody, 'push.changes')
  if ('problem' in changes) return { kind: 'malformed', event, problem: changes.problem }
  const origin = {
    repository: repository.full_name,
    names: namesOf(repository.full_name, [repository.links?.html?.href]),
    app: null,
    pusher: actor && (actor.nickname ?? actor.display_name),
  }
  const pushes = changes.fields.flatMap((change): readonly PushEvent[] => {
    const ref = refOf(change.new ?? change.old)
    if (ref === null) return []
    const head = change.new?.target ?? null
    return [
      {
        ...origin,
        ref,
        before: change.old?.target.hash ?? null,
        after: head?.hash ?? null,
        deleted: change.new === null,
        forced: change.forced ?? null,
        headCommit: head && { message: head.message ?? '', author: head.author?.raw ?? null },
      },
    ]
  })
  return pushes.length === 0 ? { kind: 'ignored', event, reason: 'event' } : { kind: 'pushes', event, pushes }
}

/** null: neither branch nor tag, as Mercurial's bookmarks were. */
function refOf(side: Side | null): string | null {
  if (side?.type === 'branch') return `refs/heads/${side.name}`
  return side?.type === 'tag' || side?.type === 'annotated_tag' ? `refs/tags/${side.name}` : null
}

function writtenAs(push: SamplePush): object {
  const { repository, ref, before, after, forced, pusher } = push
  const [, kind, name] = /^refs\/(heads|tags)\/(.+)$/.exec(ref) ?? []
  const type = kind === 'tags' ? 'tag' : 'branch'
  const sideAt = (hash: string | null): object | null =>
    hash === null
      ? null
      : { type, name, target: { type: 'commit', hash, message: push.message, date: push.at.toISOString() } }
  const change = {
    old: sideAt(before),
    new: sideAt(after),
    created: before === null,
    closed: after === null,
    forced,
    truncated: false,
  }
  return {
    push: { changes: [change] },
    actor: { nickname: pusher, display_name: pusher },
    repository: {
      name: repository.split('/').at(-1),
      full_name: repository,
      links: { html: { href: pageOf(push) } },
    },
  }
}

/** Where people look at it; of a repository on this host, which has no page, its clone URL. */
function pageOf({ repository, url: cloneUrl }: SamplePush): string {
  const identity = identityOf(cloneUrl) ?? repository
  return identity.startsWith('file:') ? cloneUrl : `https://${identity}`
}
