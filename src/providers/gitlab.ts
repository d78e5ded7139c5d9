import { z } from 'zod'
import type { Secret } from '../lib/secret.ts'
import { isSigningSecret, signingKey, signingSecretForm, standardWebhookHeaders } from '../lib/standard-webhooks.ts'
import { markVerified, type Delivery, type RefusalReason, type VerifiedDelivery } from '../model/delivery.ts'
import type { HeadCommit, PushEvent } from '../model/push-event.ts'
import { zeroSha } from '../model/revision.ts'
import {
  fullName,
  list,
  maybe,
  message,
  namesOf,
  object,
  person,
  readBody,
  readEach,
  refName,
  revision,
  toHeadCommit,
  url,
} from './fields.ts'
import { claimedIdOf, eventNameOf, hasHeader, headerOf, idOf } from './headers.ts'
import { parseJson } from './json.ts'
import type { Parsed, Provider, SamplePush } from './provider.ts'
import { provingSecret, sameText } from './signature.ts'
import { proveStandardWebhook } from './standard-webhooks.ts'

/**
 * gitlab.com and self-managed GitLab: project, group and system hooks. A secret that starts with `whsec_` is a signing
 * token, whose signature is then demanded; any other is the secret token that GitLab sends along as it is:
 * https://docs.gitlab.com/user/project/integrations/webhooks/
 */
export const gitlab: Provider = {
  options: z.strictObject({}),
  headers: ['x-gitlab-event', 'x-gitlab-event-uuid', 'x-gitlab-webhook-uuid', 'webhook-id', 'idempotency-key'],
  proof: (secrets) => (isSigned(secrets) ? 'signature over id, time and body' : 'secret token'),

  form: ({ secrets }) => ({
    urlField: '"URL"',
    secretField: isSigned(secrets) ? '"Signing token"' : '"Secret token"',
    fields: ['"Push events" (and "Tag push events" for tags)'],
    sends: isSigned(secrets)
      ? 'the headers webhook-id, webhook-timestamp and webhook-signature: a secret that starts with whsec_ goes into "Signing token", not into "Secret token"'
      : 'the header X-Gitlab-Token: a secret that does not start with whsec_ goes into "Secret token", not into "Signing token"',
    again: 'resend it under "Recent events"',
  }),

  checkSecrets(secrets) {
    const texts = secrets.map((secret) => secret.reveal())
    const signing = texts.filter(isSigningSecret)
    if (signing.some((text) => signingKey(text) === null)) {
      return `starts with whsec_ but is no GitLab signing token, which is ${signingSecretForm}: copy the whole token`
    }
    if (signing.length === 0 || signing.length === texts.length) return null
    return 'mixes a signing token (whsec_…) with a secret token, so that the weaker would do: use two of one kind, or two webhooks'
  },

  verify(delivery, { secrets }) {
    return isSigned(secrets) ? verifySigned(delivery, secrets) : verifyToken(delivery, secrets)
  },

  parse({ body }) {
    const json = parseJson(body)
    if ('problem' in json) return { kind: 'malformed', event: null, problem: json.problem }
    const named = readBody(json.value, namedBody)
    if ('problem' in named) return { kind: 'malformed', event: null, problem: named.problem }
    // The body alone decides, for it is what a signing token signs; the header X-Gitlab-Event says nothing more.
    const event = eventNameOf(named.fields.object_kind ?? named.fields.event_name)
    if (event === null) return { kind: 'malformed', event, problem: 'object_kind: must be the name of an event' }
    if (event === 'push' || event === 'tag_push') return parsePush(event, json.value)
    if (event === 'repository_update') return parseUpdate(event, json.value)
    return { kind: 'ignored', event, reason: 'event' }
  },

  claimedId: (headers) => claimedIdOf(headers, 'webhook-id') ?? claimedIdOf(headers, 'idempotency-key'),

  compose: (push) => ({
    event: push.ref.startsWith('refs/tags/') ? 'tag_push' : 'push',
    body: Buffer.from(JSON.stringify(writtenAs(push))),
  }),

  sign(message, { secret }) {
    const proof = isSigningSecret(secret.reveal())
      ? standardWebhookHeaders(message, secret)
      : { 'x-gitlab-token': Buffer.from(secret.reveal()).toString('latin1') }
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'GitLab/deployhook',
      'idempotency-key': message.id,
      'x-gitlab-event': eventHeaders.get(message.event) ?? 'System Hook',
      ...proof,
    }
    return { headers, body: message.body }
  },
}

const eventHeaders = new Map([
  ['push', 'Push Hook'],
  ['tag_push', 'Tag Push Hook'],
])

function isSigned(secrets: readonly Secret[]): boolean {
  return secrets.some((secret) => isSigningSecret(secret.reveal()))
}

type Verdict = VerifiedDelivery | { readonly refused: RefusalReason }

function verifySigned(delivery: Delivery, secrets: readonly Secret[]): Verdict {
  const proof = proveStandardWebhook(delivery, secrets)
  return 'refused' in proof
    ? proof
    : markVerified(delivery, { providerId: proof.id, idIsSigned: true, secret: proof.secret })
}

function verifyToken(delivery: Delivery, secrets: readonly Secret[]): Verdict {
  const { headers } = delivery
  const token = headerOf(headers, 'x-gitlab-token')
  if (token === null) return { refused: hasHeader(headers, otherSchemes) ? 'wrong_scheme' : 'no_signature' }
  // Node hands over header bytes as Latin-1 characters; what else could stand here is not what came over the wire.
  if (!/^[\x20-\xff]+$/.test(token)) return { refused: 'malformed_header' }
  const secret = provingSecret(secrets, (text) => sameText(Buffer.from(token, 'latin1'), Buffer.from(text)))
  if (secret === null) return { refused: 'bad_signature' }
  return markVerified(delivery, { providerId: idOf(headers, 'idempotency-key'), idIsSigned: false, secret })
}

const otherSchemes = ['webhook-signature', 'x-hub-signature-256', 'x-hub-signature'] as const

// https://docs.gitlab.com/user/project/integrations/webhook_events/ and, for system hooks, which may lack object_kind:
// https://docs.gitlab.com/administration/system_hooks/
const namedBody = object({ object_kind: z.unknown().optional(), event_name: z.unknown().optional() })

const change = { ref: refName, before: revision, after: revision }
const origin = {
  project: object({ path_with_namespace: fullName, web_url: url, git_http_url: url, git_ssh_url: url }),
  user_username: person,
  user_name: person,
}
const pushBody = object({
  ...change,
  ...origin,
  checkout_sha: z.unknown().optional(),
  commits: maybe(list),
})
const updateBody = object({ ...origin, changes: list })
const changeBody = object(change)
const commitBody = z.object({ id: z.string(), message, author: maybe(z.object({ name: person })) })

function parsePush(event: string, body: unknown): Parsed {
  const read = readBody(body, pushBody)
  if ('problem' in read) return { kind: 'malformed', event, problem: read.problem }
  const { ref, before, after } = read.fields
  const changed = { ref, before, after, deleted: after === null }
  const push = { ...originOf(read.fields), ...changed, headCommit: headCommitOf(read.fields) }
  return { kind: 'pushes', event, pushes: [push] }
}

/** A system hook's one event for all refs of a push, which GitLab sends however many they are. */
function parseUpdate(event: string, body: unknown): Parsed {
  const read = readBody(body, updateBody)
  if ('problem' in read) return { kind: 'malformed', event, problem: read.problem }
  const changes = readEach(read.fields.changes, changeBody, 'changes')
  if ('problem' in changes) return { kind: 'malformed', event, problem: changes.problem }
  const origin = originOf(read.fields)
  const pushes = changes.fields.map((one) => ({ ...origin, ...one, deleted: one.after === null, headCommit: null }))
  return { kind: 'pushes', event, pushes }
}

type Origin = Pick<z.output<typeof pushBody>, keyof typeof origin>

function originOf({
  project,
  user_username,
  user_name,
}: Origin): Pick<PushEvent, 'repository' | 'names' | 'app' | 'forced' | 'pusher'> {
  const { path_with_namespace, web_url, git_http_url, git_ssh_url } = project
  return {
    repository: path_with_namespace,
    names: namesOf(path_with_namespace, [git_http_url, git_ssh_url, web_url]),
    app: null,
    forced: null,
    pusher: user_username ?? user_name,
  }
}

/** The commit that was checked out: for an annotated tag not `after`, which is the tag itself; null: not on the list. */
function headCommitOf({ checkout_sha, commits }: z.output<typeof pushBody>): HeadCommit | null {
  for (const item of (commits ?? []).slice(0, maxCommits)) {
    const commit = commitBody.safeParse(item)
    if (commit.success && commit.data.id === checkout_sha) {
      return toHeadCommit(commit.data)
    }
  }
  return null
}

/** GitLab lists the twenty newest. */
const maxCommits = 100

function writtenAs({ repository, url, ref, before, after, message, pusher, at }: SamplePush): object {
  const kind = ref.startsWith('refs/tags/') ? 'tag_push' : 'push'
  const commit = after && { id: after, message, timestamp: at.toISOString(), author: { name: pusher } }
  return {
    object_kind: kind,
    event_name: kind,
    ref,
    before: before ?? zeroSha,
    after: after ?? zeroSha,
    checkout_sha: after,
    user_username: pusher,
    project: { name: repository.split('/').at(-1), path_with_namespace: repository, git_http_url: url },
    commits: commit ? [commit] : [],
    total_commits_count: commit ? 1 : 0,
  }
}
