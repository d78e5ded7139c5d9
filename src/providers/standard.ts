import { z } from 'zod'
import { howToMakeOne, signingKey, signingSecretForm, standardWebhookHeaders } from '../lib/standard-webhooks.ts'
import { markVerified } from '../model/delivery.ts'
import { identityOf } from '../model/repository.ts'
import { appName, flag, message, object, person, readJson, refName, revision } from './fields.ts'
import { claimedIdOf } from './headers.ts'
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

  checkSecrets(secrets) {
    if (secrets.every((secret) => signingKey(secret.reveal()) !== null)) return null
    return `must be ${signingSecretForm}: ${howToMakeOne}`
  },

  verify(delivery, { secrets }) {
    const proof = proveStandardWebhook(delivery, secrets)
    if ('refused' in proof) return proof
    return markVerified(delivery, { providerId: proof.id, idIsSigned: true, secret: proof.secret })
  },

  parse({ body }) {
    const read = readJson(body, pushBody)
    return 'problem' in read ? { kind: 'malformed', event: null, problem: read.problem } : parsePush(read.fields)
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

/** There is but one. */
const event = 'push'

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

function parsePush(fields: z.output<typeof pushBody>): Parsed {
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
