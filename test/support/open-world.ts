import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { githubPush, type GithubPush } from '../../demo/github.ts'
import type { Deployment } from '../../src/model/deployment.ts'
import { parsed, startDaemon, type Answer, type Daemon, type StartOptions } from './daemon.ts'
import { createRepository, type Pushed, type Repository } from './repository.ts'
import { until } from './until.ts'

export const secret = 'a-secret-for-tests-0123456789'

/** An app of the world's deploy.yml; everything not named here is as deploy.yml wants it. */
export type WorldApp = {
  readonly repository?: string
  readonly steps: readonly unknown[]
  readonly [key: string]: unknown
}

/** A server with git repositories, a deploy.yml, a daemon and nothing else. Disposing ends and removes all of it. */
export type World = {
  readonly dir: string
  daemon: Daemon
  /** A path inside the world. */
  path(...parts: readonly string[]): string
  read(...parts: readonly string[]): Promise<string>
  repository(name?: string): Repository
  /** Writes deploy.yml anew; the daemon sees it by itself. */
  configure(apps: Readonly<Record<string, WorldApp>>, server?: object): Promise<void>
  start(env?: Readonly<Record<string, string>>, options?: Pick<StartOptions, 'onSpawn'>): Promise<Daemon>
  /** Sends GitHub's delivery of what was pushed. */
  deliver(
    pushed: Pushed,
    options?: Partial<GithubPush> & { readonly secret?: string; readonly id?: string },
  ): Promise<Answer & { readonly retryAfter: unknown }>
  /** Pushes, delivers, and gives the accepted deployment of the first app. */
  ship(files: Readonly<Record<string, string>>, repository?: string): Promise<number>
  deployment(id: number): Promise<Deployment>
  deployments(query?: string): Promise<readonly Deployment[]>
  /** The deployment once it is done. */
  done(id: number): Promise<Deployment>
  running(id: number): Promise<Deployment>
}

/** For tests and soaks alike. Disposing throws if a process was left behind. */
export async function openWorld(
  apps: Readonly<Record<string, WorldApp>>,
  options: { readonly server?: object; readonly start?: false; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<World & AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), 'deployhook-world-'))
  const path = (...parts: readonly string[]): string => join(dir, ...parts)
  const repositories = new Map<string, Repository>()
  const started: Daemon[] = []

  const world: World & AsyncDisposable = {
    dir,
    daemon: undefined as never,
    path,
    read: (...parts) => readFile(path(...parts), 'utf8'),
    repository: (name = 'acme/blog') => {
      const found = repositories.get(name)
      if (found === undefined) throw new Error(`the world has no repository ${name}`)
      return found
    },
    async configure(entries, server = {}) {
      for (const { repository = 'acme/blog' } of Object.values(entries)) {
        if (repositories.has(repository)) continue
        repositories.set(
          repository,
          await createRepository(path('git', `${repository}.git`), path('clones', repository)),
        )
      }
      const map = {
        webhooks: { github: { secret: { file: path('github.secret') } } },
        apps: Object.fromEntries(
          Object.entries(entries).map(([name, { repository = 'acme/blog', ...rest }]) => [
            name,
            {
              repo: path('git', `${repository}.git`),
              aliases: [`github.com/${repository}`],
              path: path('srv', name),
              ...rest,
            },
          ]),
        ),
        // Or a push that a test has not delivered would be found; what is about that says catch_up itself.
        defaults: { catch_up: 'off' },
        server: { allow_root_steps: true, max_running: 2, ...server },
      }
      await writeFile(path('deploy.yml'), JSON.stringify(map, null, 2), { mode: 0o600 })
    },
    async start(env = {}, { onSpawn = () => undefined } = {}) {
      const daemon = await startDaemon({
        config: path('deploy.yml'),
        state: path('state'),
        socket: path('control.sock'),
        env,
        onSpawn,
      })
      started.push(daemon)
      return (world.daemon = daemon)
    },
    async deliver(pushed, { secret: key = secret, id = randomUUID(), ...change } = {}) {
      const { headers, body } = githubPush({ repository: 'acme/blog', deliveryId: id, ...pushed, ...change }, key)
      const answer = await request(`${world.daemon.address}/hooks/github`, {
        method: 'POST',
        headers: { ...headers },
        body,
      })
      const text = await answer.body.text()
      return {
        status: answer.statusCode,
        text,
        body: parsed(text) as never,
        retryAfter: answer.headers['retry-after'] ?? null,
      }
    },
    async ship(files, repository = 'acme/blog') {
      const { body, status } = await world.deliver(await world.repository(repository).push(files), { repository })
      if (status !== 202) throw new Error(`a push was answered ${status}`)
      return (body as { deployments: { id: number }[] }).deployments[0]?.id ?? 0
    },
    deployment: async (id) => (await world.daemon.api(`/api/deployments/${id}`)).body,
    deployments: async (query = '') =>
      ((await world.daemon.api(`/api/deployments?limit=500${query}`)).body as { deployments: Deployment[] })
        .deployments,
    done: (id) => inState(id, 'done'),
    running: (id) => inState(id, 'running'),
    async [Symbol.asyncDispose]() {
      for (const daemon of started) daemon.kill('SIGKILL')
      await Promise.all(started.map(({ ended }) => ended))
      const left = processesOf(dir)
      for (const { pid } of left) process.kill(pid, 'SIGKILL')
      await rm(dir, { recursive: true, force: true })
      if (left.length > 0) throw new Error(`processes left behind: ${left.map(({ command }) => command).join('; ')}`)
    },
  }

  async function inState(id: number, state: Deployment['state']): Promise<Deployment> {
    return until(`deployment ${id} to be ${state}`, async () => {
      const deployment = await world.deployment(id)
      return deployment.state === state && deployment
    })
  }

  await mkdir(path('srv'))
  await writeFile(path('github.secret'), `${secret}\n`, { mode: 0o600 })
  await world.configure(apps, options.server)
  if (options.start !== false) await world.start(options.env)
  return world
}

/** A step that says it has begun and goes on when the gate of that name is opened. */
export function gate(
  world: { path(...parts: readonly string[]): string },
  name: string,
): { readonly step: string; open(): Promise<void>; reached(): Promise<unknown> } {
  const file = world.path(name)
  return {
    step: `touch ${file}.reached; while [ ! -e ${file}.open ]; do sleep 0.02; done`,
    open: () => writeFile(`${file}.open`, ''),
    reached: () => until(`the step at gate ${name}`, () => existsSync(`${file}.reached`)),
  }
}

/** Live processes whose environment names the world: what a test left behind. */
export function processesOf(dir: string): readonly { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, 'utf8').includes(dir)) return []
        return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
      } catch {
        return [] // gone meanwhile
      }
    })
}
