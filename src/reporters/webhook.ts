import { z } from 'zod'
import { Secret } from '../lib/secret.ts'
import { makeSigningSecret, signingKey, signingSecretForm, standardWebhookHeaders } from '../lib/standard-webhooks.ts'
import { reportBody } from '../model/report.ts'
import { post } from './post.ts'
import { addressIn, isPublicAddress } from './public-address.ts'
import type { OptionProblem, Reporter } from './reporter.ts'

const written = (secret: z.ZodType) =>
  z.strictObject({
    url: z
      .union([z.string(), secret], { error: 'must be a URL, or where one is found: { file: PATH }' })
      .describe('webhook: where reports are POSTed to; a URL that is a secret itself as { file: … }.'),
    secret: secret.describe('webhook: what signs each report, by standardwebhooks.com: whsec_ and base64.'),
    allow_private: z
      .boolean()
      .optional()
      .describe('webhook: the receiver may be on this machine or its network, and be reached by http. Default false.'),
  })

const used = written(z.instanceof(Secret)).extend({
  url: z.union([z.string(), z.instanceof(Secret).transform((secret) => secret.reveal().trim())]),
  secret: z.instanceof(Secret),
})

/**
 * POSTs a report to a URL, signed by Standard Webhooks. What it can be made to reach is bounded: a deploy host is often
 * inside a network that trusts it. https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
 */
export const webhook: Reporter = {
  options: written,

  check(options) {
    const { url, secret, allow_private: allowPrivate = false } = used.parse(options)
    if (signingKey(secret.reveal()) === null)
      return { key: 'secret', problem: `must be ${signingSecretForm}: make one with ${makeSigningSecret}` }
    const isSecret = z.looseObject({ url: z.instanceof(Secret) }).safeParse(options).success
    return urlProblem(url, { allowPrivate, isSecret })
  },

  async tell(report, { options, signal, now, lookup, timeoutMs = 10_000 }) {
    const { url, secret, allow_private: allowPrivate = false } = used.parse(options)
    const body = Buffer.from(reportBody(report))
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'deployhook',
      ...standardWebhookHeaders({ id: report.id, at: now(), body }, secret),
    }
    return post(new URL(url), { headers, body }, { allowPrivate, signal, now, lookup, timeoutMs })
  },
}

function urlProblem(
  text: string,
  { allowPrivate, isSecret }: { readonly allowPrivate: boolean; readonly isSecret: boolean },
): OptionProblem | null {
  const url = URL.parse(text)
  const at = (problem: string): OptionProblem => ({ key: 'url', problem })
  if (url === null || !/^https?:$/.test(url.protocol))
    return at('must be a URL such as https://example.com/hooks/deploys')
  if (!isSecret && (url.username !== '' || url.password !== ''))
    return at('must not hold a user name or password: put the whole URL into a file, and give { file: PATH }')
  if (allowPrivate) return null
  if (url.protocol === 'http:')
    return at('must begin with https:// (http:// is for a receiver of your own network, with allow_private: true)')
  const address = addressIn(url.hostname)
  return (address === null || isPublicAddress(address)) && !/(^|\.)localhost$/.test(url.hostname)
    ? null
    : at('leads to this machine or its network: if that is meant, add allow_private: true')
}
