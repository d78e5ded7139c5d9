import { join } from 'node:path'
import { mkdir, writeFile } from 'node:fs/promises'
import { startDaemon, type Daemon } from '../../test/support/daemon.ts'
import { unitEnvironment } from '../../test/support/unit-environment.ts'

export type Deployhook = Daemon & AsyncDisposable & { readonly state: string }

export type DeployhookOptions = {
  /** Of its own: deploy.yml, state directory, socket. */
  readonly dir: string
  /** As deploy.yml has them. */
  readonly apps: Readonly<Record<string, object>>
  readonly server?: object
  readonly defaults?: object
}

export const secret = 'a-secret-for-benchmarks-0123456789'

/** Our side, as it is installed: the compiled program, a process of its own, its log read by somebody. */
export async function startDeployhook(options: DeployhookOptions): Promise<Deployhook> {
  const { dir } = options
  await mkdir(dir, { recursive: true })
  await writeDeployFile(options)
  const daemon = await startDaemon({
    program: compiled,
    env: environmentOfUnit(),
    config: join(dir, 'deploy.yml'),
    state: join(dir, 'state'),
    socket: join(dir, 'control.sock'),
    keepsLog: false,
  })
  return {
    ...daemon,
    state: join(dir, 'state'),
    async [Symbol.asyncDispose]() {
      daemon.kill('SIGKILL')
      await daemon.ended
    },
  }
}

export async function writeDeployFile({ dir, apps, server = {}, defaults = {} }: DeployhookOptions): Promise<void> {
  const map = {
    webhooks: { github: { secret: { file: join(dir, 'github.secret') } } },
    defaults: { catch_up: 'off', ...defaults },
    server: { allow_root_steps: true, ...server },
    apps,
  }
  await writeFile(join(dir, 'github.secret'), `${secret}\n`, { mode: 0o600 })
  await writeFile(join(dir, 'deploy.yml'), JSON.stringify(map), { mode: 0o600 })
}

/** The environment of a daemon that the unit starts: without V8's cache of what it compiled, which the tests give theirs. */
export function environmentOfUnit(): Readonly<Record<string, string>> {
  return { ...unitEnvironment(), NODE_DISABLE_COMPILE_CACHE: '1' }
}

/** `npm run build` makes it. */
export const compiled = join(import.meta.dirname, '../../dist/main.js')

/** Apps `app-0` … of the repositories `acme/app-0` … on GitHub, whose pushes only wait: nothing is ever fetched. */
export function waitingApps(count: number, dir: string): Readonly<Record<string, object>> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `app-${at}`,
      {
        repo: `https://github.com/acme/app-${at}.git`,
        path: join(dir, `srv/app-${at}`),
        steps: ['true'],
        approve: true,
      },
    ]),
  )
}
