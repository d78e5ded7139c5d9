import { byRepository, type App, type DeployMap, type Webhook } from '../../src/model/deploy-map.ts'
import { parseRepository } from '../../src/model/repository.ts'
import { parseRevision, type Revision } from '../../src/model/revision.ts'

export const noSandbox: App['sandbox'] = {
  protectSystem: null,
  protectHome: null,
  readWritePaths: [],
  readOnlyPaths: [],
  inaccessiblePaths: [],
  privateTmp: false,
  privateDevices: false,
  privateNetwork: false,
  noNewPrivileges: false,
}

/** An app as the smallest deploy.yml would make it, with the changes that a test is about. */
export function createApp(
  name: string,
  change: Partial<Omit<App, 'name' | 'repo'>> & { readonly repo?: string } = {},
): App {
  const { repo = 'https://github.com/acme/blog.git', ...rest } = change
  const repository = parseRepository(repo)
  if ('problem' in repository) throw new Error(`${repo} ${repository.problem}`)
  return {
    name,
    repo: repository,
    aliases: [],
    branch: 'main',
    branches: [],
    tags: [],
    paths: null,
    skip: [],
    path: `/srv/${name}`,
    git: { sshKey: null, knownHosts: null, token: null, username: 'x-access-token' },
    strategy: 'in-place',
    shared: [],
    keep: 5,
    steps: [],
    beforeSwitch: [],
    activate: [],
    after: [],
    preview: null,
    health: [],
    bakeMs: 0,
    onFailure: 'stop',
    holdAfterRollback: 'unhold',
    approve: false,
    windows: [],
    runAs: null,
    executor: 'process',
    limits: { memoryBytes: null, cpuPercent: null, tasks: null },
    sandbox: noSandbox,
    env: new Map(),
    timeoutMs: 1_800_000,
    webhook: null,
    concurrencyGroup: repository.identity,
    catchUpMs: 300_000,
    adopt: false,
    was: [],
    onInterrupt: 'requeue',
    notify: [],
    fingerprint: `fingerprint of ${name}`,
    ...rest,
  }
}

export function createMap(apps: readonly App[], webhooks: readonly Webhook[] = []): DeployMap {
  return {
    file: '/etc/deployhook/deploy.yml',
    webhooks: new Map(webhooks.map((webhook) => [webhook.name, webhook])),
    apps: new Map(apps.map((app) => [app.name, app])),
    appsByRepository: byRepository(apps),
    reporters: new Map(),
    server: {
      listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      publicUrl: null,
      hosts: [],
      trustProxy: [],
      maxRunning: 2,
      maxAttempts: 2,
      apiTokens: [],
      allowRootSteps: true,
      metrics: 'token',
      keepDeliveriesMs: 604_800_000,
      keepLogsMs: 7_776_000_000,
      maxLogBytes: 2_147_483_648,
      keepHistoryMs: 31_536_000_000,
      maxHistory: 50_000,
      minFreeBytes: null,
    },
    secretFiles: [],
  }
}

/** The commit whose id is that hex digit forty times. */
export function revision(digit: string): Revision {
  const found = parseRevision(digit.repeat(40))
  if (found === null) throw new Error(`${digit} is not a hex digit other than 0`)
  return found
}
