import { z } from 'zod'
import type { VerifiedDelivery } from '../model/delivery.ts'
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
  readJson,
  refName,
  revision,
  toHeadCommit,
  url,
} from './fields.ts'
import { claimedIdOf, eventNameOf, headerOf } from './headers.ts'
import { hubSignature, verifyHubSignature } from './hub-signature.ts'
import { jsonTextOf } from './json-text.ts'
import type { Parsed, Provider, SamplePush } from './provider.ts'

/**
 * github.com and GitHub Enterprise Server. The signature is `sha256=` and the HMAC of the body as sent, be it JSON or a
 * form: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export const github: Provider = {
  options: z.strictObject({}),
  headers: ['x-github-event', 'x-github-delivery'],
  proof: () => 'signature over the body',

  form: () => ({
    urlField: '"Payload URL"',
    secretField: '"Secret"',
    fields: ['"Content type" application/json', '"Just the push event"'],
    sends: 'the header X-Hub-Signature-256, which an old GitHub Enterprise with SHA-1 alone does not',
    again: 'redeliver it under "Recent Deliveries"',
  }),

  verify: (delivery, { secrets }) =>
    verifyHubSignature(delivery, {
      secrets,
      header: 'x-hub-signature-256',
      idHeader: 'x-github-delivery',
      otherSchemes,
    }),

  parse(delivery) {
    const event = eventNameOf(headerOf(delivery.headers, 'x-github-event'))
    if (event === null) return { kind: 'malformed', event, problem: 'X-GitHub-Event: must be the name of an event' }
    if (event === 'ping') return { kind: 'ignored', event, reason: 'ping' }
    if (event !== 'push') return { kind: 'ignored', event, reason: 'event' }
    return parsePush(event, delivery)
  },

  claimedId: (headers) => claimedIdOf(headers, 'x-github-delivery'),

  compose: (push) => ({ event: 'push', body: Buffer.from(JSON.stringify(writtenAs(push))) }),

  sign({ event, id, body }, { secret }) {
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/deployhook',
      'x-github-event': event,
      'x-github-delivery': id,
      'x-hub-signature-256': hubSignature(body, secret),
    }
    return { headers, body }
  },
}

const otherSchemes = ['x-hub-signature', 'x-gitlab-token', 'webhook-signature'] as const

// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
const pushBody = object({
  ref: refName,
  before: revision,
  after: revision,
  deleted: flag,
  forced: flag,
  repository: object({ full_name: fullName, clone_url: url, ssh_url: url, html_url: url }),
  head_commit: maybe(z.object({ message, author: maybe(z.object({ name: person })) })),
  pusher: maybe(z.object({ name: person })),
})

function parsePush(event: string, delivery: VerifiedDelivery): Parsed {
  const text = jsonTextOf(delivery)
  const read = 'problem' in text ? text : readJson(text.value, pushBody)
  if ('problem' in read) return { kind: 'malformed', event, problem: read.problem }
  return { kind: 'pushes', event, pushes: [toPush(read.fields)] }
}

function toPush({
  ref,
  before,
  after,
  deleted,
  forced,
  repository,
  head_commit,
  pusher,
}: z.output<typeof pushBody>): PushEvent {
  const { full_name, clone_url, ssh_url, html_url } = repository
  return {
    repository: full_name,
    names: namesOf(full_name, [clone_url, ssh_url, html_url]),
    app: null,
    ref,
    before,
    after: deleted === true ? null : after,
    deleted: deleted === true || after === null,
    forced: forced ?? null,
    headCommit: toHeadCommit(head_commit),
    pusher: pusher?.name ?? null,
  }
}

function writtenAs({ repository, url, ref, before, after, forced, message, pusher, at }: SamplePush): object {
  const [, owner = '', name = ''] = /^(?:(.*)\/)?([^/]*)$/.exec(repository) ?? []
  const person = { name: pusher, username: pusher }
  const commit = after && { id: after, message, timestamp: at.toISOString(), author: person, committer: person }
  return {
    ref,
    before: before ?? zeroSha,
    after: after ?? zeroSha,
    repository: { name, full_name: repository, owner: { login: owner }, clone_url: url },
    pusher: { name: pusher },
    sender: { login: pusher },
    created: before === null,
    deleted: after === null,
    forced,
    commits: commit ? [commit] : [],
    head_commit: commit,
  }
}
