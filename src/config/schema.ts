import { z } from 'zod'
import { sizePattern } from '../lib/size.ts'
import type { Provider } from '../providers/index.ts'
import { appSchema } from './app-schema.ts'
import { parseListen } from './listen.ts'
import { reporterSchema, type ReporterTable } from './reporter-schema.ts'
import { extended, list, named, nameText, secretSource, text, wholeNumber } from './schema-parts.ts'
import { hostProblem, keepPattern, keepProblem, publicUrlProblem, sha256Problem, sizeProblem } from './text-rules.ts'
import { parseProxy } from './trust-proxy.ts'

/** The kinds of git host there are, by name. */
export type ProviderTable = Readonly<Record<string, Provider>>

const sizeText = text(sizeProblem, { pattern: sizePattern })

/** deploy.yml as a person writes it. */
export type WrittenMap = z.output<ReturnType<typeof createSchema>>
export type WrittenWebhook = z.output<ReturnType<typeof webhookSchema>>
export type WrittenServer = z.output<typeof serverSchema>

/** The one schema: types, checks and the editor's JSON Schema come from here. What spans several keys is in `rules/`. */
export function createSchema(providers: ProviderTable, reporters: ReporterTable) {
  return z
    .strictObject({
      webhooks: named(nameText, webhookSchema(providers))
        .optional()
        .describe('Where deliveries come from. Each is served at POST /hooks/<name>.'),
      apps: named(nameText, appSchema).describe('What is deployed on this host, by name.'),
      defaults: appSchema
        .optional()
        .describe('Keys for every app that does not say otherwise; env is merged name by name.'),
      reporters: named(nameText, reporterSchema(reporters))
        .optional()
        .describe('Ways to tell how deployments end, by name; notify of an app says which of them is told what.'),
      server: serverSchema.optional().describe('The daemon itself.'),
    })
    .meta({ title: 'deploy.yml', description: 'The deploy map of deployhook.' })
}

/** Provider options are all allowed here; which of them fit the webhook's provider is a rule (`rules/webhooks.ts`). */
function webhookSchema(providers: ProviderTable) {
  return extended(
    z.strictObject({
      provider: z
        .enum(Object.keys(providers))
        .optional()
        .describe('Kind of git host. May be left out when the webhook is called like it.'),
      secret: secretSource.optional().describe('What proves a delivery: the same value as in the git host’s form.'),
      secrets: list(secretSource, { atMost: 2 })
        .optional()
        .describe('Two secrets at once while one replaces the other, newest first.'),
      allow_weak_secret: z.boolean().optional().describe('Accept a secret of less than 16 characters. Default false.'),
    }),
    Object.values(providers).map(({ options }) => options),
  )
}

const serverSchema = z.strictObject({
  listen: text((value) => problemOf(parseListen(value)))
    .optional()
    .describe('HOST:PORT or unix:/path. Default 127.0.0.1:9000.'),
  public_url: text(publicUrlProblem).optional().describe('How the daemon is reached from outside, for links.'),
  hosts: list(text(hostProblem)).optional().describe('Further Host names to answer to.'),
  trust_proxy: list(text((value) => problemOf(parseProxy(value))))
    .optional()
    .describe('Proxies whose X-Forwarded-For is believed: addresses, networks, or loopback.'),
  max_running: wholeNumber({ atLeast: 1, atMost: 256 })
    .optional()
    .describe('Deployments at the same time. Default: one per core.'),
  max_attempts: wholeNumber({ atLeast: 1, atMost: 100 })
    .optional()
    .describe(
      'A deployment during which the daemon died this often is not started again: it fails as poison. Default 2.',
    ),
  api_tokens: list(
    z.strictObject({
      name: nameText.describe('For logs.'),
      secret: secretSource.optional().describe('The token itself.'),
      sha256: text(sha256Problem).optional().describe('Or its SHA-256 in hex, as `deployhook token` prints it.'),
      can: z.enum(['read', 'operate']).optional().describe('operate may also deploy, cancel and retry. Default read.'),
    }),
  )
    .optional()
    .describe('Bearer tokens for the API over TCP.'),
  allow_root_steps: z.boolean().optional().describe('Let steps run as root when the daemon does. Default false.'),
  keep_deliveries: text(keepProblem, { pattern: keepPattern })
    .optional()
    .describe('How long the contents of deliveries are kept for `deployhook replay`; 0s: not at all. Default 7d.'),
  keep_logs: text(keepProblem, { pattern: keepPattern })
    .optional()
    .describe('How long the logs of deployments are kept. Default 90d.'),
  max_logs: sizeText
    .optional()
    .describe('How much room all logs together may take; the oldest go first. Default 2GiB.'),
  keep_history: text(keepProblem, { pattern: keepPattern })
    .optional()
    .describe('How long it is known what was deployed. Default 365d.'),
  max_history: wholeNumber({ atLeast: 100, atMost: 10_000_000 })
    .optional()
    .describe('How many deployments are known at most; the oldest go first. Default 50000.'),
  min_free: sizeText
    .optional()
    .describe(
      'How much of a disk is left free: below it nothing is deployed. Default 1GiB, or 5 % of a disk below 20GiB.',
    ),
  metrics: z.enum(['token', 'public']).optional().describe('Who may read /metrics. Default token.'),
})

function problemOf(parsed: object): string | null {
  return 'problem' in parsed && typeof parsed.problem === 'string' ? parsed.problem : null
}
