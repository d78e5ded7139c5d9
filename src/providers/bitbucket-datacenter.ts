import { z } from 'zod'
import type { PushEvent } from '../model/push-event.ts'
import { zeroSha } from '../model/revision.ts'
import {
  fullName,
  list,
  maybe,
  message,
  namesOf,
  object,
  person,
  readJson,
  readEach,
  refName,
  revision,
  toHeadCommit,
  url,
} from './fields.ts'
import { claimedIdOf, eventNameOf, headerOf } from './headers.ts'
import { hubSignature, verifyHubSignature } from './hub-signature.ts'
import type { Parsed, Provider, SamplePush } from './provider.ts'

/**
 * Bitbucket Data Center and Server. One event tells every ref that a push moved:
 * https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
 */
export const bitbucketDatacenter: Provider = {
  options: z.strictObject({}),
  headers: ['x-event-key', 'x-request-id'],
  proof: () => 'signature over the body',

  form: () => ({
    urlField: '"URL"',
    secretField: '"Secret"',
    fields: ['"Active"', 'the event "Repository: Push"'],
    sends: 'the header X-Hub-Signature with SHA-256',
    again: 'push again, for it has no button to resend one',
  }),

  verify: (delivery, { secrets }) =>
    verifyHubSignature(delivery, { secrets, header: 'x-hub-signature', idHeader: 'x-request-id', otherSchemes }),

  parse({ headers, body }) {
    const event = eventNameOf(headerOf(headers, 'x-event-key'))
    if (event === null) return { kind: 'malformed', event, problem: 'x-event-key: must be the name of an event' }
    if (event === 'diagnostics:ping') return { kind: 'ignored', event, reason: 'ping' }
    if (event !== 'repo:refs_changed') return { kind: 'ignored', event, reason: 'event' }
    return parsePush(event, body)
  },

  claimedId: (headers) => claimedIdOf(headers, 'x-request-id'),

  compose: (push) => ({ event: 'repo:refs_changed', body: Buffer.from(JSON.stringify(writtenAs(push))) }),

  sign({ event, id, body }, { secret }) {
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Atlassian HttpClient / Bitbucket',
      'x-event-key': event,
      'x-request-id': id,
      'x-hub-signature': hubSignature(body, secret),
    }
    return { headers, body }
  },
}

const otherSchemes = ['x-hub-signature-256', 'x-gitlab-token', 'authorization'] as const

/** A few are sent; what else a list might hold is passed over, however much it is. */
const links = list.transform((items) =>
  items.slice(0, 20).flatMap((item) => {
    const link = z.object({ href: url }).safeParse(item)
    return link.success ? [link.data] : []
  }),
)
const pushBody = object({
  repository: object({
    slug: fullName,
    project: object({ key: fullName }),
    links: maybe(z.object({ clone: maybe(links), self: maybe(links) })),
  }),
  actor: maybe(z.object({ name: person, displayName: person })),
  changes: list,
  toCommit: maybe(z.object({ id: z.string(), message, author: maybe(z.object({ name: person })) })),
})
const changeBody = object({
  ref: object({ id: refName }),
  fromHash: revision,
  toHash: revision,
  type: z.unknown(),
})

function parsePush(event: string, body: Buffer): Parsed {
  const read = readJson(body, pushBody)
  if ('problem' in read) return { kind: 'malformed', event, problem: read.problem }
  const { repository, actor, toCommit } = read.fields
  const changes = readEach(read.fields.changes, changeBody, 'changes')
  if ('problem' in changes) return { kind: 'malformed', event, problem: changes.problem }
  const name = `${repository.project.key}/${repository.slug}`
  const { clone, self } = repository.links ?? {}
  const origin = {
    repository: name,
    names: namesOf(name, [
      ...(clone ?? []).map(({ href }) => href),
      ...(self ?? []).flatMap(({ href }) => cloneUrls(href, name)),
    ]),
    app: null,
    forced: null,
    pusher: actor && (actor.name ?? actor.displayName),
  }
  const pushes = changes.fields.map(({ ref, fromHash, toHash, type }): PushEvent => {
    const deleted = type === 'DELETE' || toHash === null
    const head = !deleted && toCommit?.id === toHash ? toCommit : null
    const after = deleted ? null : toHash
    return { ...origin, ref: ref.id, before: fromHash, after, deleted, headCommit: toHeadCommit(head) }
  })
  return pushes.length === 0 ? { kind: 'ignored', event, reason: 'event' } : { kind: 'pushes', event, pushes }
}

/** Older servers give no clone URLs, but these can be told from the page's: `…/scm/<key>/<slug>` and, by ssh, `/<key>/<slug>`. */
function cloneUrls(page: string | null | undefined, name: string): readonly string[] {
  const [, protocol, host, prefix] = /^(https?):\/\/([^/]+)(\/.*?)?\/(?:projects|users)\//.exec(page ?? '') ?? []
  if (protocol === undefined || host === undefined) return []
  return [`${protocol}://${host}${prefix ?? ''}/scm/${name}`, `ssh://git@${host.replace(/:\d+$/, '')}/${name}`]
}

function writtenAs({ repository, url: cloneUrl, ref, before, after, message: text, pusher, at }: SamplePush): object {
  const [, key, slug] = /^(?:(.*)\/)?([^/]*)$/.exec(repository) ?? []
  const type = before === null ? 'ADD' : after === null ? 'DELETE' : 'UPDATE'
  const kind = ref.startsWith('refs/tags/') ? 'TAG' : 'BRANCH'
  return {
    eventKey: 'repo:refs_changed',
    date: at.toISOString(),
    actor: { name: pusher, displayName: pusher },
    repository: { slug, project: { key: key ?? slug }, links: { clone: [{ href: cloneUrl, name: 'http' }] } },
    changes: [
      {
        ref: { id: ref, displayId: ref.replace(/^refs\/(?:heads|tags)\//, ''), type: kind },
        refId: ref,
        fromHash: before ?? zeroSha,
        toHash: after ?? zeroSha,
        type,
      },
    ],
    toCommit: after && { id: after, message: text, author: { name: pusher } },
  }
}
