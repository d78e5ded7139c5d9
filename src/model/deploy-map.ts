import type { Secret } from '../lib/secret.ts'
import type { Glob } from './glob.ts'
import type { PathFilter } from './path-filter.ts'
import type { Notify } from './report.ts'

/** The parsed, defaulted and checked deploy.yml: nothing optional, nothing unknown. */
export type DeployMap = {
  /** Absolute path of the file it came from. */
  readonly file: string
  readonly webhooks: ReadonlyMap<string, Webhook>
  readonly apps: ReadonlyMap<string, App>
  readonly reporters: ReadonlyMap<string, ConfiguredReporter>
  readonly server: Server
}

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
  readonly git: GitAccess
  readonly steps: readonly Step[]
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

/** Every secret value that must not appear in this app's logs and messages: the whole map's, for safety. */
export function secretsOf(map: DeployMap): readonly Secret[] {
  const found: Secret[] = []
  for (const webhook of map.webhooks.values()) found.push(...webhook.secrets)
  for (const reporter of map.reporters.values()) found.push(...reporter.secrets)
  for (const token of map.server.apiTokens) if (token.secret) found.push(token.secret)
  for (const app of map.apps.values()) {
    if (app.git.token) found.push(app.git.token)
    for (const env of [app.env, ...app.steps.map((step) => step.env)]) {
      for (const value of env.values()) if (typeof value !== 'string') found.push(value)
    }
  }
  return found
}
