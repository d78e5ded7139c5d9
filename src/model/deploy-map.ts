import type { CronWindow } from '../lib/cron.ts'
import type { Secret } from '../lib/secret.ts'
import type { Glob } from './glob.ts'
import type { HealthCheck } from './health-check.ts'
import type { Limits, Sandbox } from './limits.ts'
import type { PathFilter } from './path-filter.ts'
import { phasesOf } from './phases.ts'
import type { Notify } from './report.ts'

/** The parsed, defaulted and checked deploy.yml: nothing optional, nothing unknown. */
export type DeployMap = {
  /** Absolute path of the file it came from. */
  readonly file: string
  readonly webhooks: ReadonlyMap<string, Webhook>
  readonly apps: ReadonlyMap<string, App>
  /** The same, by every name under which a push may know their repository. */
  readonly appsByRepository: AppsByRepository
  readonly reporters: ReadonlyMap<string, ConfiguredReporter>
  readonly server: Server
  readonly secretFiles: readonly SecretFile[]
}

/** A file that a secret was read from. */
export type SecretFile = {
  /** The key of deploy.yml that names it: `webhooks.github.secret`. */
  readonly key: string
  /** Absolute. */
  readonly file: string
}

/** Identity or alias of a repository → its apps, in the order of the file. */
export type AppsByRepository = ReadonlyMap<string, readonly App[]>

/** A configured origin of deliveries, served at `POST /hooks/<name>`. */
export type Webhook = {
  readonly name: string
  /** A key of the provider table. */
  readonly provider: string
  /** One or two, the newest first as written; each proven strong enough or explicitly allowed to be weak. */
  readonly secrets: readonly Secret[]
  /** What the provider's own options schema made of the rest of the entry. */
  readonly options: unknown
}

/** A configured way to tell how deployments end. */
export type ConfiguredReporter = {
  readonly name: string
  /** A key of the reporter table. */
  readonly kind: string
  /** The rest of the entry, with the secrets themselves where it names them. */
  readonly options: unknown
  readonly secrets: readonly Secret[]
}

/** One entry of the map: repository + branch → how and where it is deployed on this host. */
export type App = {
  readonly name: string
  readonly repo: Repository
  /** Other names under which payloads know the repository, normalised like `PushEvent.names`. */
  readonly aliases: readonly string[]
  /** Short name: `main`. null: whatever `branches` and `tags` match, each push the ref that it is to. */
  readonly branch: string | null
  /** Over short names; empty unless `branch` is null. */
  readonly branches: readonly Glob[]
  readonly tags: readonly Glob[]
  /** Which changed files make a push worth a deployment; null: any. */
  readonly paths: PathFilter | null
  /** Texts in lower case: a push whose newest commit has one of them in its message is not deployed. */
  readonly skip: readonly string[]
  /** Absolute and normalised. */
  readonly path: string
  readonly strategy: 'in-place' | 'releases'
  /** Of releases: what every release shares, relative to it. */
  readonly shared: readonly SharedPath[]
  /** Releases that are kept besides the live one and the one before it. */
  readonly keep: number
  readonly git: GitAccess
  /** The build: in the tree, or in the new release before it is switched to. */
  readonly steps: readonly Step[]
  /** After the build, before the switch. */
  readonly beforeSwitch: readonly Step[]
  /** After the switch: what makes the new version run. */
  readonly activate: readonly Step[]
  /** When all is well. */
  readonly after: readonly Step[]
  /** Starts the new release on a port of its own, for the health checks that say `preview`; null: none does. */
  readonly preview: Step | null
  readonly health: readonly HealthCheck[]
  /** How long the health checks have to go on passing after the switch; 0: once is enough. */
  readonly bakeMs: number
  readonly onFailure: 'rollback' | 'stop'
  /** What ends the hold that a rollback by hand puts on the app. */
  readonly holdAfterRollback: 'unhold' | 'next_push'
  /** Automatic deployments wait for a person's word. */
  readonly approve: boolean
  /** When automatic deployments may start; empty: always. */
  readonly windows: readonly CronWindow[]
  /** The user that steps run as; null: the daemon's own. */
  readonly runAs: string | null
  /** What runs its commands; `auto`: systemd where that can, else the daemon itself. */
  readonly executor: 'auto' | 'systemd' | 'process'
  readonly limits: Limits
  readonly sandbox: Sandbox
  readonly env: Env
  /** The whole deployment, from its claim. */
  readonly timeoutMs: number
  /** Accept pushes from this webhook only; null: from any. */
  readonly webhook: string | null
  readonly concurrencyGroup: string
  /** How often the repository is asked for what no delivery told; 0: never. */
  readonly catchUpMs: number
  /** A directory with other files may be taken over at the first deployment. */
  readonly adopt: boolean
  /** The names this entry had before: queue, history and trees of those apps are its own. */
  readonly was: readonly string[]
  readonly onInterrupt: 'requeue' | 'stop'
  /** Who is told how its deployments end. */
  readonly notify: readonly Notify[]
  /** Changes when the entry changes (never derived from secret values), so that a push redeploys after an edit. */
  readonly fingerprint: string
}

/** A clone URL of deploy.yml and what follows from it. */
export type Repository = {
  /** As git takes it; never holds a password. */
  readonly url: string
  readonly protocol: 'https' | 'ssh' | 'file'
  /** Host + path, normalised, case folded for network hosts: `github.com/acme/blog`; for local ones `file:/srv/git/blog`. */
  readonly identity: string
}

export type GitAccess = {
  /** Path of a private key, absolute. */
  readonly sshKey: string | null
  /** Path of a known_hosts file, absolute; null: the user's and the system's own. */
  readonly knownHosts: string | null
  /** For https: what the askpass helper answers as password. */
  readonly token: Secret | null
  readonly username: string
}

export type Step = {
  /** As written, or the first line of `run`. */
  readonly name: string
  readonly run: StepCommand
  /** Shortens the deployment's own limit; null: no limit of its own. */
  readonly timeoutMs: number | null
  readonly env: Env
  /** Relative to the tree, kept inside it; `.` unless written. */
  readonly cwd: string
  /** What becomes of the processes that it leaves running when it succeeds. */
  readonly background: 'kill' | 'keep'
}

/** A file or directory that lives beside the releases and is linked into each. */
export type SharedPath = {
  /** Relative, without `..`: `storage/logs`. */
  readonly path: string
  /** What is made when there is none yet; null: as the repository has it, else by its name. */
  readonly kind: 'directory' | null
}

export type StepCommand =
  | { readonly kind: 'script'; readonly shell: 'sh' | 'bash'; readonly text: string }
  | { readonly kind: 'argv'; readonly argv: readonly [string, ...string[]] }

export type Env = ReadonlyMap<string, string | Secret>

export type Server = {
  readonly listen: Listen
  readonly publicUrl: string | null
  /** Host names (lower case, without port) accepted besides loopback, `listen` and `public_url`. */
  readonly hosts: readonly string[]
  /** Addresses or networks of proxies whose X-Forwarded-For is believed; empty: none. */
  readonly trustProxy: readonly string[]
  readonly maxRunning: number
  /** After this many deaths of the daemon during a deployment it is parked as `poison`. */
  readonly maxAttempts: number
  readonly apiTokens: readonly ApiToken[]
  readonly allowRootSteps: boolean
  readonly metrics: 'token' | 'public'
  /** How long the bodies of deliveries are kept, for a replay; 0: not at all. */
  readonly keepDeliveriesMs: number
  readonly keepLogsMs: number
  /** Of all logs together. */
  readonly maxLogBytes: number
  /** How long deployments are known, and how many at most. */
  readonly keepHistoryMs: number
  readonly maxHistory: number
  /** What is left free of a disk; null: as `runner/disk-floor.ts` has it. */
  readonly minFreeBytes: number | null
}

export type Listen =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

export type ApiToken = {
  readonly name: string
  /** SHA-256 of the token. */
  readonly sha256: Buffer
  /** null: deploy.yml knows the digest only. */
  readonly secret: Secret | null
  readonly can: 'read' | 'operate'
}

/** Made once for a map, so that a push finds its apps without a look at all of them. */
export function byRepository(apps: Iterable<App>): AppsByRepository {
  const found = new Map<string, App[]>()
  for (const app of apps) {
    for (const name of new Set([app.repo.identity, ...app.aliases])) {
      const others = found.get(name)
      if (others === undefined) found.set(name, [app])
      else others.push(app)
    }
  }
  return found
}

/** Every command of an app, in the order in which they run. */
export function stepsOf(app: App): readonly Step[] {
  return [...phasesOf(app).values()].flat()
}

/** Every secret value that must not appear in this app's logs and messages: the whole map's, for safety. */
export function secretsOf(map: DeployMap): readonly Secret[] {
  const found: Secret[] = []
  for (const webhook of map.webhooks.values()) found.push(...webhook.secrets)
  for (const reporter of map.reporters.values()) found.push(...reporter.secrets)
  for (const token of map.server.apiTokens) if (token.secret) found.push(token.secret)
  for (const app of map.apps.values()) {
    if (app.git.token) found.push(app.git.token)
    const headers = app.health.flatMap(({ probe }) => (probe.kind === 'http' ? [probe.headers] : []))
    for (const env of [app.env, ...stepsOf(app).map((step) => step.env), ...headers]) {
      for (const value of env.values()) if (typeof value !== 'string') found.push(value)
    }
  }
  return found
}
