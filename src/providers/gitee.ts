import { z } from 'zod'
import { markVerified } from '../model/delivery.ts'
import type { PushEvent } from '../model/push-event.ts'
import { zeroSha } from '../model/revision.ts'
import {
  flag,
  fullName,
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
import { eventNameOf, hasHeader, headerOf } from './headers.ts'
import { parseJson } from './json.ts'
import type { Parsed, Provider, SamplePush } from './provider.ts'
import { fromBase64, hmacSha256, provingSecret, sameDigest, sameText } from './signature.ts'

/**
 * gitee.com, both ways of its form. Password: the token is the secret itself. Sign: the token is base64 of the HMAC of
 * `timestamp LF secret`, good for an hour. Neither covers the body, so the two need no telling apart: whoever knows the
 * secret can make both, and nobody else either. https://help.gitee.com/webhook/how-to-verify-webhook-keys
 */
export const gitee: Provider = {
  options: z.strictObject({}),
  headers: ['x-gitee-event', 'x-gitee-timestamp'],
  // The sign covers time and secret alone: for an hour it would prove any body.
  proofsInBody: ['password', 'sign'],
  proof: () => 'password or signature',

  form: () => ({
    urlField: '"URL"',
    secretField: '"WebHook 密码" (password) or "签名密钥" (signing key)',
    fields: ['"Push" (and "Tag Push" for tags)'],
    sends: 'the headers X-Gitee-Token and X-Gitee-Timestamp (milliseconds); a signature is good for an hour',
    again: 'push again',
  }),

  verify(delivery, { secrets }) {
    const { headers, receivedAt } = delivery
    const token = headerOf(headers, 'x-gitee-token')
    if (token === null) return { refused: hasHeader(headers, otherSchemes) ? 'wrong_scheme' : 'no_signature' }
    if (token === '') return { refused: 'no_signature' }
    // Node hands over header bytes as Latin-1 characters.
    if (!/^[\x20-\xff]+$/.test(token)) return { refused: 'malformed_header' }
    const password = provingSecret(secrets, (text) => sameText(Buffer.from(token, 'latin1'), Buffer.from(text)))
    if (password !== null) return markVerified(delivery, { ...unnamed, secret: password })

    const timestamp = headerOf(headers, 'x-gitee-timestamp')
    const sign = signIn(token)
    if (sign === null) return { refused: 'bad_signature' }
    if (timestamp === null || !/^\d{1,16}$/.test(timestamp)) return { refused: 'malformed_header' }
    const secret = provingSecret(secrets, (text) => sameDigest(sign, signOf(timestamp, text)))
    if (secret === null) return { refused: 'bad_signature' }
    const ageMs = receivedAt.getTime() - Number(timestamp)
    return Math.abs(ageMs) > toleranceMs ? { refused: 'stale' } : markVerified(delivery, { ...unnamed, secret })
  },

  parse({ body }) {
    const json = parseJson(body)
    if ('problem' in json) return { kind: 'malformed', event: null, problem: json.problem }
    const named = readBody(json.value, namedBody)
    if ('problem' in named) return { kind: 'malformed', event: null, problem: named.problem }
    const event = eventNameOf(named.fields.hook_name)
    if (event === null) return { kind: 'malformed', event, problem: 'hook_name: must be the name of an event' }
    if (event !== 'push_hooks' && event !== 'tag_push_hooks') return { kind: 'ignored', event, reason: 'event' }
    return parsePush(event, json.value)
  },

  claimedId: () => null,

  compose: (push) => {
    const event = push.ref.startsWith('refs/tags/') ? 'tag_push_hooks' : 'push_hooks'
    return { event, body: Buffer.from(JSON.stringify({ hook_name: event, ...writtenAs(push) })) }
  },

  sign({ event, body, at }, { secret }) {
    const timestamp = String(at.getTime())
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'git-oschina-hook',
      'x-gitee-event': eventHeaders.get(event) ?? event,
      'x-gitee-timestamp': timestamp,
      'x-gitee-token': signOf(timestamp, secret.reveal()).toString('base64'),
    }
    return { headers, body }
  },
}

/** Gitee gives its deliveries no id. */
const unnamed = { providerId: null, idIsSigned: false } as const

/** The form's own help says an hour. */
const toleranceMs = 3_600_000

const otherSchemes = ['x-gitlab-token', 'x-hub-signature-256', 'x-gitea-signature', 'authorization'] as const

const eventHeaders = new Map([
  ['push_hooks', 'Push Hook'],
  ['tag_push_hooks', 'Tag Push Hook'],
])

function signOf(timestamp: string, secret: string): Buffer {
  return hmacSha256(secret, [`${timestamp}\n${secret}`])
}

/** The 32 bytes of a sign: in base64, which the documentation percent-encodes and deliveries do not. */
function signIn(token: string): Buffer | null {
  if (!/^(?:[A-Za-z0-9+/=]|%(?:2[Bb]|2[Ff]|3[Dd])){44,64}$/.test(token)) return null
  const sign = fromBase64(decodeURIComponent(token))
  return sign?.length === 32 ? sign : null
}

const namedBody = object({ hook_name: z.unknown().optional() })

// https://help.gitee.com/webhook/gitee-webhook-push-data-format
const pushBody = object({
  ref: refName,
  before: revision,
  after: revision,
  deleted: flag.nullable(),
  repository: object({
    full_name: fullName,
    clone_url: url,
    ssh_url: url,
    git_http_url: url,
    git_ssh_url: url,
    html_url: url,
  }),
  head_commit: maybe(z.object({ message, author: maybe(z.object({ name: person })) })),
  pusher: maybe(z.object({ username: person, login: person, name: person })),
})

function parsePush(event: string, body: unknown): Parsed {
  const read = readBody(body, pushBody)
  if ('problem' in read) return { kind: 'malformed', event, problem: read.problem }
  return { kind: 'pushes', event, pushes: [toPush(read.fields)] }
}

function toPush(fields: z.output<typeof pushBody>): PushEvent {
  const { ref, before, after, repository, head_commit, pusher } = fields
  const { full_name, clone_url, ssh_url, git_http_url, git_ssh_url, html_url } = repository
  const deleted = fields.deleted === true || after === null
  return {
    repository: full_name,
    names: namesOf(full_name, [clone_url, ssh_url, git_http_url, git_ssh_url, html_url]),
    app: null,
    ref,
    before,
    after: deleted ? null : after,
    deleted,
    forced: null,
    headCommit: toHeadCommit(head_commit),
    pusher: pusher && (pusher.username ?? pusher.login ?? pusher.name),
  }
}

function writtenAs({ repository, url: cloneUrl, ref, before, after, message: text, pusher, at }: SamplePush): object {
  const commit = after && { id: after, message: text, timestamp: at.toISOString(), author: { name: pusher } }
  return {
    ref,
    before: before ?? zeroSha,
    after: after ?? zeroSha,
    created: before === null,
    deleted: after === null,
    timestamp: String(at.getTime()),
    commits: commit ? [commit] : [],
    head_commit: commit,
    repository: { name: repository.split('/').at(-1), full_name: repository, clone_url: cloneUrl },
    pusher: { username: pusher },
  }
}
