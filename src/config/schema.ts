import { z } from 'zod'
import { sizePattern } from '../lib/size.ts'
import { branchProblem, refGlobProblem } from '../model/ref.ts'
import { pathGlobProblem } from '../model/path-filter.ts'
import type { Provider } from '../providers/index.ts'
import { parseListen } from './listen.ts'
import { mapByAccident } from './map-by-accident.ts'
import { notifySchema, reporterSchema, type ReporterTable } from './reporter-schema.ts'
import { extended, list, named, nameText, secretSource, text, tokenSource, wholeNumber } from './schema-parts.ts'
import {
  aliasProblem,
  appPathProblem,
  catchUpProblem,
  commandProblem,
  cwdProblem,
  durationPattern,
  durationProblem,
  envNamePattern,
  envNameProblem,
  fileProblem,
  hostProblem,
  keepPattern,
  keepProblem,
  publicUrlProblem,
  repoProblem,
  sha256Problem,
  sizeProblem,
} from './text-rules.ts'
import { parseProxy } from './trust-proxy.ts'

/** The kinds of git host there are, by name. */
export type ProviderTable = Readonly<Record<string, Provider>>

const sizeText = text(sizeProblem, { pattern: sizePattern })
const durationText = text(durationProblem, { pattern: durationPattern })

/** deploy.yml as a person writes it. */
export type WrittenMap = z.output<ReturnType<typeof createSchema>>
export type WrittenWebhook = z.output<ReturnType<typeof webhookSchema>>
export type WrittenApp = z.output<typeof appSchema>
export type WrittenStep = z.output<typeof stepSchema>
export type WrittenEnv = z.output<typeof envSchema>
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

const envSchema = named(text(envNameProblem, { pattern: envNamePattern }), z.union([text(), secretSource]))

const argvSchema = list(text()).check(({ value, issues }) => {
  if (value[0] === '') issues.push({ code: 'custom', message: 'the first entry, the program, is empty', input: value })
})

const commandSchema = z.union([text(commandProblem), argvSchema])

const stepKeys = {
  name: text((name) => (name.trim() === '' || /[\r\n]/.test(name) ? 'must be one line of text' : null))
    .optional()
    .describe('Shown instead of the command.'),
  run: commandSchema.describe('A text for the shell, or a list of arguments that no shell sees.'),
  shell: z.enum(['sh', 'bash']).optional().describe('sh runs with -eu, bash with -euo pipefail. Default sh.'),
  timeout: durationText.optional().describe('Ends this step earlier than the deployment’s own limit.'),
  env: envSchema.optional().describe('On top of the app’s env.'),
  cwd: text(cwdProblem).optional().describe('Directory of the repository to run in. Default: its top.'),
  background: z
    .enum(['kill', 'keep'])
    .optional()
    .describe('What becomes of processes that the step leaves running when it succeeds. Default kill.'),
}

const stepSchema = z.union([text(commandProblem), argvSchema, z.strictObject(stepKeys)], {
  error: ({ input }) => mapByAccident(input, Object.keys(stepKeys)) ?? undefined,
})

const gitSchema = z.strictObject({
  ssh_key: text(fileProblem).optional().describe('Private key (a deploy key) for an ssh repository.'),
  known_hosts: text(fileProblem).optional().describe('Host keys to accept, in the format of ~/.ssh/known_hosts.'),
  token: tokenSource.optional().describe('Access token for an https repository.'),
  username: text((name) =>
    /^[\x21-\x39\x3b-\x7e]+$/.test(name) ? null : 'must be letters, digits and signs, without : and spaces',
  )
    .optional()
    .describe('User name that goes with the token. Default x-access-token.'),
})

const appSchema = z.strictObject({
  repo: text(repoProblem)
    .optional()
    .describe('Clone URL: https://…, ssh://…, user@host:path, file://… or an absolute path.'),
  aliases: list(text(aliasProblem)).optional().describe('Other names under which payloads know the repository.'),
  branch: text(branchProblem).optional().describe('Branch to deploy. Default main.'),
  branches: list(text(refGlobProblem))
    .optional()
    .describe('Instead of branch: globs (* within a part, ** across, ?); a push deploys the branch that it is to.'),
  tags: list(text(refGlobProblem)).optional().describe('Globs; a pushed tag that matches one is deployed.'),
  paths: list(text(pathGlobProblem))
    .optional()
    .describe(
      'Globs; a push is deployed when a file that changed since what is live matches. After ! comes what does not count; the last that matches decides.',
    ),
  skip: list(text((wanted) => (wanted.trim() === '' ? 'is empty, and would skip every push: give a text' : null)))
    .optional()
    .describe('A push is not deployed when its newest commit has one of these texts in its message, in any case.'),
  path: text(appPathProblem).optional().describe('Directory to deploy to, absolute.'),
  strategy: z
    .enum(['in-place'])
    .optional()
    .describe('How files get to path. Default in-place: the tree is updated where it stands.'),
  git: gitSchema.optional().describe('How to get at a private repository.'),
  steps: z
    .array(stepSchema)
    .optional()
    .describe('Commands to run in the tree, in this order; the first that fails ends the deployment.'),
  env: envSchema.optional().describe('Environment of the steps: text, or a secret that is masked in logs.'),
  timeout: durationText.optional().describe('Limit for the whole deployment. Default 30m.'),
  webhook: nameText.optional().describe('Accept pushes from this webhook only. Default: from any.'),
  concurrency_group: nameText.optional().describe('One deployment at a time per group. Default: the repository.'),
  catch_up: text(catchUpProblem, { pattern: keepPattern })
    .optional()
    .describe('How often the repository is asked for pushes that no webhook told of; off: never. Default 5m.'),
  adopt: z.boolean().optional().describe('Take over a directory that holds other files. Default false.'),
  was: z
    .union([nameText, list(nameText)])
    .optional()
    .describe('Earlier name of this app, or several: its queue and history follow it.'),
  on_interrupt: z
    .enum(['requeue', 'stop'])
    .optional()
    .describe('What happens to a deployment that a crash or restart cut off. Default requeue.'),
  notify: notifySchema
    .optional()
    .describe('Reporters that are told how deployments end: names, or what each is told of. Default: none.'),
})

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
