import { z } from 'zod'
import { markVerified, type Delivery, type RefusalReason } from '../model/delivery.ts'
import type { HeadCommit, PushEvent } from '../model/push-event.ts'
import { zeroSha } from '../model/revision.ts'
import { azureNames } from './azure-names.ts'
import {
  list,
  maybe,
  message,
  object,
  person,
  readBody,
  readEach,
  refName,
  revision,
  toHeadCommit,
  url,
} from './fields.ts'
import { eventNameOf, hasHeader, headerOf } from './headers.ts'
import { parseJson } from './json.ts'
import type { Parsed, Provider, SamplePush } from './provider.ts'
import { fromBase64, provingSecret, sameText } from './signature.ts'

const keys = z.strictObject({
  username: z
    .string()
    .regex(/^[^:\x00-\x1f]+$/, 'must be a user name without :')
    .optional()
    // The name is no secret: one that had to be right would prove nothing more, and cost somebody an hour.
    .describe('azure: the user name of the basic authentication. Without it any will do.'),
  header: z
    .string()
    // Never one that is kept with a delivery, as User-Agent is: the secret would stand in the ledger.
    .regex(
      /^[Xx]-[A-Za-z0-9-]{1,62}$/,
      'must be the name of a header of your own that starts with X-, such as X-Deploy-Token',
    )
    .optional()
    .describe('azure: the header that carries the secret, instead of basic authentication.'),
})

const optionsSchema = keys.refine(({ username, header }) => username === undefined || header === undefined, {
  path: ['username'],
  error: 'goes with basic authentication, and header replaces that: leave out the one that Azure does not send',
})

/**
 * Azure DevOps service hooks. Nothing is signed: the secret comes along as the password of basic authentication, or in
 * a header of one's own: https://learn.microsoft.com/en-us/azure/devops/service-hooks/services/webhooks
 */
export const azure: Provider = {
  options: optionsSchema,
  headers: [],
  proof: () => 'password or header',

  form: ({ options }) => {
    const { username, header } = optionsSchema.parse(options)
    const user = username === undefined ? '' : ` (the username: ${username})`
    return {
      urlField: '"URL"',
      secretField:
        header === undefined ? `"Basic authentication password"${user}` : `"HTTP headers", as ${header}:SECRET`,
      fields: ['"Resource details to send" All', 'the event "Code pushed"'],
      sends:
        header === undefined
          ? 'basic authentication, because deploy.yml has no "header:" for this webhook'
          : `the header ${header}, as "header:" in deploy.yml says, and not basic authentication`,
      again: 'push again',
    }
  },

  verify(delivery, { secrets, options }) {
    const sent = passwordIn(delivery.headers, optionsSchema.parse(options))
    if ('refused' in sent) return sent
    const { password } = sent
    const secret = provingSecret(secrets, (text) => sameText(password, Buffer.from(text)) && sent.isRightUser)
    if (secret === null) return { refused: 'bad_signature' }
    return markVerified(delivery, { providerId: null, idIsSigned: false, secret })
  },

  parse({ body }) {
    const json = parseJson(body)
    if ('problem' in json) return { kind: 'malformed', event: null, problem: json.problem }
    const named = readBody(json.value, object({ eventType: z.unknown().optional() }))
    if ('problem' in named) return { kind: 'malformed', event: null, problem: named.problem }
    const event = eventNameOf(named.fields.eventType)
    if (event === null) return { kind: 'malformed', event, problem: 'eventType: must be the name of an event' }
    if (event !== 'git.push') return { kind: 'ignored', event, reason: 'event' }
    return parsePush(event, json.value)
  },

  claimedId: () => null,

  compose: (push) => ({ event: 'git.push', body: Buffer.from(JSON.stringify(writtenAs(push))) }),

  sign({ body }, { secret, options }) {
    const { username = 'deployhook', header } = optionsSchema.parse(options)
    const proof: Record<string, string> =
      header === undefined
        ? { authorization: `Basic ${Buffer.from(`${username}:${secret.reveal()}`).toString('base64')}` }
        : { [header.toLowerCase()]: Buffer.from(secret.reveal()).toString('latin1') }
    return { headers: { 'content-type': 'application/json; charset=utf-8', ...proof }, body }
  },
}

type Sent = { readonly password: Buffer; readonly isRightUser: boolean } | { readonly refused: RefusalReason }

function passwordIn(headers: Delivery['headers'], { username, header }: z.output<typeof optionsSchema>): Sent {
  if (header !== undefined) {
    const value = headerOf(headers, header.toLowerCase() as Lowercase<string>)
    if (value === null) return { refused: hasHeader(headers, ['authorization']) ? 'wrong_scheme' : 'no_signature' }
    return { password: Buffer.from(value, 'latin1'), isRightUser: true }
  }
  const value = headerOf(headers, 'authorization')
  if (value === null) return { refused: hasHeader(headers, otherSchemes) ? 'wrong_scheme' : 'no_signature' }
  const [, base64] = /^Basic ([A-Za-z0-9+/]+={0,2})$/.exec(value) ?? []
  const pair = base64 === undefined ? null : fromBase64(base64)
  const colon = pair?.indexOf(':') ?? -1
  if (pair === null || colon === -1) return { refused: value.startsWith('Basic') ? 'malformed_header' : 'wrong_scheme' }
  const isRightUser = username === undefined || sameText(pair.subarray(0, colon), Buffer.from(username))
  return { password: pair.subarray(colon + 1), isRightUser }
}

const otherSchemes = ['x-hub-signature-256', 'x-hub-signature', 'x-gitlab-token'] as const

/** Other than elsewhere, names may hold spaces. */
const someName = z
  .string({ error: 'must be a name of at most 256 characters' })
  .refine(
    (text) => text.length <= 256 && /^[^\p{Cc}\p{Cf}\p{Cs}]+$/u.test(text),
    'must be a name of at most 256 characters',
  )

const needsAll = 'must be a list: set "Resource details to send" to All in the subscription'
// https://learn.microsoft.com/en-us/azure/devops/service-hooks/events#git.push
const pushBody = object({
  resource: z.object(
    {
      refUpdates: z.custom<readonly unknown[]>((value) => Array.isArray(value), { error: needsAll }),
      repository: object({ name: someName, remoteUrl: url, project: maybe(z.object({ name: someName })) }),
      commits: maybe(list),
      pushedBy: maybe(z.object({ displayName: person, uniqueName: person })),
    },
    { error: 'must be an object: set "Resource details to send" to All in the subscription' },
  ),
})
const commitBody = z.object({ commitId: z.string(), comment: message, author: maybe(z.object({ name: person })) })
const updateBody = object({ name: refName, oldObjectId: revision, newObjectId: revision })

function parsePush(event: string, body: unknown): Parsed {
  const read = readBody(body, pushBody)
  if ('problem' in read) return { kind: 'malformed', event, problem: read.problem }
  const { refUpdates, repository, commits, pushedBy } = read.fields.resource
  const updates = readEach(refUpdates, updateBody, 'resource.refUpdates')
  if ('problem' in updates) return { kind: 'malformed', event, problem: updates.problem }
  const { name, remoteUrl = null } = repository
  const project = repository.project?.name ?? ''
  const origin = {
    repository: `${project}/${name}`,
    names: azureNames({ project, name, remoteUrl }),
    app: null,
    forced: null,
    pusher: pushedBy && (pushedBy.displayName ?? pushedBy.uniqueName),
  }
  const heads = headCommits(commits ?? [], new Set(updates.fields.map(({ newObjectId }) => newObjectId)))
  const pushes = updates.fields.map(({ name: ref, oldObjectId, newObjectId }): PushEvent => {
    const headCommit = newObjectId === null ? null : (heads.get(newObjectId) ?? null)
    return { ...origin, ref, before: oldObjectId, after: newObjectId, deleted: newObjectId === null, headCommit }
  })
  return pushes.length === 0 ? { kind: 'ignored', event, reason: 'event' } : { kind: 'pushes', event, pushes }
}

/** Only of the commits that are wanted: the list may hold millions of anything, and only people read what it says. */
function headCommits(commits: readonly unknown[], wanted: ReadonlySet<string | null>): ReadonlyMap<string, HeadCommit> {
  const heads = new Map<string, HeadCommit>()
  for (const commit of commits) {
    if (typeof commit !== 'object' || commit === null || !('commitId' in commit)) continue
    const { commitId } = commit
    if (typeof commitId !== 'string' || !wanted.has(commitId) || heads.has(commitId)) continue
    const read = commitBody.safeParse(commit)
    const head = read.success ? toHeadCommit({ message: read.data.comment, author: read.data.author }) : null
    if (head !== null) heads.set(commitId, head)
  }
  return heads
}

function writtenAs({
  repository,
  url: remoteUrl,
  ref,
  before,
  after,
  message: comment,
  pusher,
  at,
}: SamplePush): object {
  const [, project, name] = /^(?:(.*)\/)?([^/]*)$/.exec(repository) ?? []
  return {
    id: `${at.getTime()}`,
    eventType: 'git.push',
    publisherId: 'tfs',
    resource: {
      commits:
        after === null ? undefined : [{ commitId: after, comment, author: { name: pusher, date: at.toISOString() } }],
      refUpdates: [{ name: ref, oldObjectId: before ?? zeroSha, newObjectId: after ?? zeroSha }],
      repository: { name, remoteUrl, project: { name: project ?? '' } },
      pushedBy: { displayName: pusher },
      date: at.toISOString(),
    },
    createdDate: at.toISOString(),
  }
}
