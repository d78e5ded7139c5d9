import { createHash } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import { parseDuration } from '../lib/duration.ts'
import { createPace } from '../lib/pace.ts'
import { parseSize } from '../lib/size.ts'
import { tidyPath } from '../lib/tidy-path.ts'
import {
  byRepository,
  type ApiToken,
  type App,
  type DeployMap,
  type GitAccess,
  type Server,
  type SharedPath,
  type Webhook,
} from '../model/deploy-map.ts'
import { globOf } from '../model/glob.ts'
import { createPathFilter } from '../model/path-filter.ts'
import { identityOf, parseRepository } from '../model/repository.ts'
import { appPath, checksOf, entriesOf, formerNames, optionsOf, sourcesOf, type Entry } from './entries.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { WrittenApp } from './app-schema.ts'
import { parseListen } from './listen.ts'
import type { Part, Sound } from './judge.ts'
import type { ProviderTable, WrittenServer, WrittenWebhook } from './schema.ts'
import { resolveLimits, resolveSandbox } from './resolve-executor.ts'
import { resolveHealthCheck } from './resolve-health.ts'
import { resolveNotify, resolveReporter } from './resolve-reporters.ts'
import { resolveEnv, resolveStep, type Reveal } from './resolve-steps.ts'
import { resolveWindow } from './resolve-window.ts'
import { parseProxy } from './trust-proxy.ts'

export type ResolveOptions = {
  readonly providers: ProviderTable
  readonly cores: number
}

/**
 * The map as used, from one that every rule has passed; thousands of apps are resolved bit by bit. Rejects when it has
 * not: that would be a bug of ours.
 */
export async function resolveMap(sound: Sound, { providers, cores }: ResolveOptions): Promise<DeployMap> {
  const { file, written, secrets, secretFiles } = sound
  const folder = dirname(file)
  const secretOf: Reveal = (source) => must(secrets.get(source))
  const webhooks = Object.entries(written.webhooks ?? {}).map(([name, webhook]) =>
    resolveWebhook(name, webhook, { providers, secretOf }),
  )
  const apps = new Map<string, App>()
  const pace = createPace()
  for (const part of partsOf(sound)) {
    const partSecretOf: Reveal = (source) => part.secrets.get(source) ?? secretOf(source)
    for (const entry of entriesOf({ ...written, apps: part.apps })) {
      apps.set(entry.name, resolveApp(entry, { folder, secretOf: partSecretOf }))
      await pace()
    }
  }
  return {
    file,
    webhooks: new Map(webhooks.map((webhook) => [webhook.name, webhook])),
    apps,
    appsByRepository: byRepository(apps.values()),
    reporters: new Map(
      Object.entries(written.reporters ?? {}).map(([name, reporter]) => [
        name,
        resolveReporter(name, reporter, secrets),
      ]),
    ),
    server: resolveServer(written.server ?? {}, { cores, secretOf }),
    secretFiles,
  }
}

function* partsOf({ written, secrets, more }: Sound): Generator<Part, void, undefined> {
  yield { apps: written.apps, secrets }
  yield* more
}

function resolveWebhook(
  name: string,
  webhook: WrittenWebhook,
  { providers, secretOf }: { readonly providers: ProviderTable; readonly secretOf: Reveal },
): Webhook {
  const provider = webhook.provider ?? name
  const options = must(providers[provider]).options.parse(optionsOf(webhook))
  return { name, provider, secrets: sourcesOf(webhook).map(secretOf), options }
}

function resolveApp(entry: Entry, context: { readonly folder: string; readonly secretOf: Reveal }): App {
  const app = withDefaults(entry.app)
  const repo = parseRepository(must(app.repo))
  if ('problem' in repo) throw new Error(`repo of ${entry.name} ${repo.problem}`)
  const stepsOf = (steps: WrittenApp['steps'] = []) => steps.map((step) => resolveStep(step, context.secretOf))
  return {
    name: entry.name,
    repo,
    aliases: (app.aliases ?? []).map((alias) => must(identityOf(alias))),
    branch: app.branch ?? (app.branches === undefined && app.tags === undefined ? 'main' : null),
    branches: (app.branches ?? []).map(globOf),
    tags: (app.tags ?? []).map(globOf),
    paths: app.paths === undefined ? null : createPathFilter(app.paths),
    skip: (app.skip ?? []).map((text) => text.toLowerCase()),
    path: must(appPath(entry)),
    git: resolveGit(app.git ?? {}, { ...context, protocol: repo.protocol }),
    strategy: app.strategy,
    shared: (app.shared ?? []).map(resolveShared),
    keep: app.keep ?? 5,
    steps: stepsOf(app.steps),
    beforeSwitch: stepsOf(app.before_switch),
    activate: stepsOf(app.activate),
    after: stepsOf(app.after),
    preview: app.preview === undefined ? null : resolveStep(app.preview, context.secretOf),
    health: checksOf(app).map((check) => resolveHealthCheck(check, context.secretOf)),
    bakeMs: offOrMs(app.bake ?? '0s'),
    onFailure: app.on_failure ?? (app.strategy === 'releases' ? 'rollback' : 'stop'),
    holdAfterRollback: app.hold_after_rollback ?? 'unhold',
    approve: app.approve ?? false,
    windows: (app.windows ?? []).map(resolveWindow),
    runAs: app.run_as ?? null,
    executor: app.executor ?? 'auto',
    limits: resolveLimits(app.limits),
    sandbox: resolveSandbox(app.sandbox),
    env: resolveEnv(app.env, context.secretOf),
    timeoutMs: must(parseDuration(app.timeout)),
    webhook: app.webhook ?? null,
    concurrencyGroup: app.concurrency_group ?? repo.identity,
    catchUpMs: offOrMs(app.catch_up),
    adopt: app.adopt,
    was: formerNames(app),
    onInterrupt: app.on_interrupt,
    notify: resolveNotify(app.notify),
    fingerprint: fingerprintOf({ ...app, branch: app.branch ?? 'main' }),
  }
}

function resolveShared(written: string): SharedPath {
  return {
    path: tidyPath(written),
    kind: written.endsWith('/') ? 'directory' : null,
  }
}

function withDefaults(app: WrittenApp) {
  return {
    ...app,
    strategy: app.strategy ?? 'in-place',
    timeout: app.timeout ?? '30m',
    catch_up: app.catch_up ?? '5m',
    adopt: app.adopt ?? false,
    on_interrupt: app.on_interrupt ?? 'requeue',
  }
}

/** Only what the protocol has a use for: `defaults` may hold keys for both. */
function resolveGit(
  { ssh_key, known_hosts, token, username }: NonNullable<WrittenApp['git']>,
  {
    folder,
    secretOf,
    protocol,
  }: { readonly folder: string; readonly secretOf: Reveal; readonly protocol: App['repo']['protocol'] },
): GitAccess {
  const [ssh, https] = [protocol === 'ssh', protocol === 'https']
  return {
    sshKey: ssh && ssh_key !== undefined ? resolve(folder, ssh_key) : null,
    knownHosts: ssh && known_hosts !== undefined ? resolve(folder, known_hosts) : null,
    token: https && token !== undefined ? secretOf(token) : null,
    // What GitHub asks of its installation tokens; with personal tokens GitHub and GitLab take any name.
    username: username ?? 'x-access-token',
  }
}

function resolveServer(
  server: WrittenServer,
  { cores, secretOf }: { readonly cores: number; readonly secretOf: Reveal },
): Server {
  const listen = parseListen(server.listen ?? '127.0.0.1:9000')
  if ('problem' in listen) throw new Error(`server.listen ${listen.problem}`)
  return {
    listen,
    publicUrl: server.public_url === undefined ? null : new URL(server.public_url).href.replace(/\/+$/, ''),
    hosts: (server.hosts ?? []).map((host) => host.toLowerCase()),
    trustProxy: (server.trust_proxy ?? []).flatMap((entry) => {
      const addresses = parseProxy(entry)
      return 'problem' in addresses ? [] : addresses
    }),
    maxRunning: server.max_running ?? Math.max(1, cores),
    maxAttempts: server.max_attempts ?? 2,
    apiTokens: (server.api_tokens ?? []).map((token) => resolveToken(token, secretOf)),
    allowRootSteps: server.allow_root_steps ?? false,
    metrics: server.metrics ?? 'token',
    keepDeliveriesMs: offOrMs(server.keep_deliveries ?? '7d'),
    keepLogsMs: offOrMs(server.keep_logs ?? '90d'),
    maxLogBytes: must(parseSize(server.max_logs ?? '2GiB')),
    keepHistoryMs: offOrMs(server.keep_history ?? '365d'),
    maxHistory: server.max_history ?? 50_000,
    minFreeBytes: server.min_free === undefined ? null : must(parseSize(server.min_free)),
  }
}

/** `off` and `0s` are the same. */
function offOrMs(written: string): number {
  return written === 'off' ? 0 : must(parseDuration(written))
}

function resolveToken(token: NonNullable<WrittenServer['api_tokens']>[number], secretOf: Reveal): ApiToken {
  const secret = token.secret === undefined ? null : secretOf(token.secret)
  const sha256 =
    secret === null ? Buffer.from(must(token.sha256), 'hex') : createHash('sha256').update(secret.reveal()).digest()
  return { name: token.name, sha256, secret, can: token.can ?? 'read' }
}

function must<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined) throw new Error('deploy.yml was resolved before it was judged')
  return value
}
