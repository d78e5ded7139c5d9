import { z } from 'zod'
import { makeSigningSecret, signingKey, signingSecretForm, standardWebhookHeaders } from '../lib/standard-webhooks.ts'
import { markVerified } from '../model/delivery.ts'
import { identityOf } from '../model/repository.ts'
import { appName, flag, message, object, person, readBody, refName, revision } from './fields.ts'
import { claimedIdOf, eventNameOf } from './headers.ts'
import { parseJson } from './json.ts'
import type { Parsed, Provider } from './provider.ts'
import { proveStandardWebhook } from './standard-webhooks.ts'

/**
 * Anything else that can sign as Standard Webhooks says, with a small JSON of our own for a body: a repository and a
 * ref, or the name of an app. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export const standard: Provider = {
  options: z.strictObject({}),
  headers: ['webhook-id', 'webhook-timestamp'],
  proof: () => 'signature over id, time and body',

  makeSecret: makeSigningSecret,

  form: () => ({
    urlField: 'the URL',
    secretField: 'the signing secret (whsec_…)',
    fields: ['the method POST', 'a body with repository and ref, or app'],
    sends:
      'webhook-id (without a dot), webhook-timestamp (seconds since 1970, five minutes off at most) and webhook-signature (v1, and then base64)',
    again: 'send it again, signed anew',
  }),

  checkSecrets(secrets) {
    if (secrets.every((secret) => signingKey(secret.reveal()) !== null)) return null
    return `must be ${signingSecretForm}: make one with ${makeSigningSecret}`
  },

  verify(delivery, { secrets }) {
    const proof = proveStandardWebhook(delivery, secrets)
    if ('refused' in proof) return proof
    return markVerified(delivery, { providerId: proof.id, idIsSigned: true, secret: proof.secret })
  },

  parse({ body }) {
    const json = parseJson(body)
    if ('problem' in json) return { kind: 'malformed', event: null, problem: json.problem }
    return ignoredEvent(json.value) ?? parsePush(json.value)
  },

  claimedId: (headers) => claimedIdOf(headers, 'webhook-id'),

  compose: ({ url: repository, ref, before, after, message: text, pusher }) => ({
    event,
    body: Buffer.from(
      JSON.stringify({
        repository,
        ref,
        ...(before === null ? {} : { before }),
        ...(after === null ? { deleted: true } : { after }),
        message: text,
        pusher,
      }),
    ),
  }),

  sign(message, { secret }) {
    return {
      headers: { 'content-type': 'application/json', ...standardWebhookHeaders(message, secret) },
      body: message.body,
    }
  },
}

/** There is but one that deploys. */
const event = 'push'

/**
 * Bodies of Standard Webhooks say their `type`. One that names nothing of ours is another system's event, which sends
 * every kind of its events to every receiver, and a test never deploys, whatever else it holds.
 */
function ignoredEvent(body: unknown): Parsed | null {
  const { type, ...rest } = readAs(body)
  const name = eventNameOf(type)
  if (name === null || name === event) return null
  if (tests.has(name)) return { kind: 'ignored', event: name, reason: 'ping' }
  const isOurs = Object.keys(rest).some((key) => deciding.has(key) || wellMeant.has(key))
  return isOurs ? null : { kind: 'ignored', event: name, reason: 'event' }
}

function readAs(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? { ...body } : {}
}

const tests: ReadonlySet<string> = new Set(['ping', 'test', 'webhook.ping', 'webhook.test'])

/** What people write for what we read: passed over, `branch: staging` would deploy the app's own branch. */
const wellMeant: ReadonlyMap<string, string> = new Map([
  ['branch', 'write ref instead, such as refs/heads/main'],
  ['tag', 'write ref instead, such as refs/tags/v1.2'],
  ...['repo', 'clone_url', 'repository_url'].map((key) => [key, 'write repository instead'] as const),
  ...['sha', 'commit', 'revision'].map((key) => [key, 'write after instead'] as const),
])

const pushBody = object({
  repository: z.string({ error: 'must be a clone URL or host/path' }).max(2048).nullish(),
  app: appName.nullish(),
  ref: refName.nullish(),
  before: revision.nullish(),
  /** Zeros mean what they mean at git hosts. */
  after: revision.transform((id) => id ?? ('none' as const)).nullish(),
  deleted: flag.nullable(),
  message,
  pusher: person,
})

const deciding: ReadonlySet<string> = new Set(['repository', 'app', 'ref', 'before', 'after', 'deleted'])

/** The rest of what Standard Webhooks' bodies hold: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure */
const passedOver: ReadonlySet<string> = new Set(['id', 'type', 'timestamp', 'data'])

function parsePush(body: unknown): Parsed {
  const problem = wrongKeyOf(Object.keys(readAs(body)))
  if (problem !== null) return malformed(problem)
  const read = readBody(body, pushBody)
  if ('problem' in read) return malformed(read.problem)
  return toPush(read.fields)
}

/**
 * Every key means something or is refused, as in deploy.yml: of `reff: refs/heads/staging` nothing but a wrong
 * deployment would be seen. Who has more to say puts it into `data`.
 */
function wrongKeyOf(keys: readonly string[]): string | null {
  for (const [key, cure] of wellMeant) if (keys.includes(key)) return `${key}: ${cure}`
  if (keys.every((key) => passedOver.has(key) || Object.hasOwn(pushBody.shape, key))) return null
  return `unknown key: only ${Object.keys(pushBody.shape).join(', ')} count; put the rest into data`
}

function toPush(fields: z.output<typeof pushBody>): Parsed {
  const { repository = null, app = null, ref = null, before = null, after = null, message: text, pusher } = fields
  if ((repository === null) === (app === null))
    return malformed('repository: give a repository (with a ref) or an app, and not both')
  const identity = repository === null ? null : identityOf(repository)
  if (repository !== null && identity === null)
    return malformed('repository: must be a clone URL or host/path, such as github.com/acme/blog')
  if (repository !== null && ref === null) return malformed('ref: must be a full ref name such as refs/heads/main')
  const deleted = fields.deleted === true || after === 'none'
  const push = {
    repository: identity,
    names: identity === null ? [] : [identity],
    app,
    ref,
    before,
    after: deleted || after === 'none' ? null : after,
    deleted,
    forced: null,
    headCommit: text === null ? null : { message: text, author: pusher },
    pusher,
  }
  return { kind: 'pushes', event, pushes: [push] }
}

function malformed(problem: string): Parsed {
  return { kind: 'malformed', event, problem }
}
