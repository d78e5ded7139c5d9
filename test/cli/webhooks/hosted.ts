import { createHash, randomUUID } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { request } from 'undici'
import { hostOf } from '../../../src/hosts/index.ts'
import { Secret } from '../../../src/lib/secret.ts'
import { parseRevision } from '../../../src/model/revision.ts'
import { isProviderName, providers } from '../../../src/providers/index.ts'
import { startFakeHost, type FakeHost, type KeptHook } from '../../hosts/fake-host.ts'
import { until } from '../../support/until.ts'
import { createWorld, type World } from '../../support/world.ts'
import { run, type Ran } from '../world.ts'

/** A real daemon with one app, and a fake of the host that its repository lies on, which really sends. */
export type Hosted = {
  readonly world: World
  readonly host: FakeHost
  readonly url: string
  readonly ask: (...argv: readonly string[]) => Promise<Ran>
  /** A push as the host would send it from one of its hooks; the status of the answer. */
  readonly push: (hook: Pick<KeptHook, 'url' | 'secret'>) => Promise<number>
  readonly deployYml: () => Promise<string>
  /** Pushes with the new secret until the daemon's book, which is right to a second, has it later than the old one. */
  readonly pushUntilProven: (secret: string) => Promise<void>
}

export const firstSecret = 'the-first-secret-0123456789abcdef'

const domains: Readonly<Record<string, string>> = {
  ...{ github: 'github.com', gitlab: 'gitlab.com', gitea: 'git.example.com', forgejo: 'codeberg.org' },
  ...{ bitbucket: 'bitbucket.org', gitee: 'gitee.com' },
}

export async function createHosted(
  provider: string,
  {
    secret = 'secret: { file: hook.secret }',
    env = {},
    daemon: wantsDaemon,
    onTest,
  }: {
    readonly secret?: string
    readonly env?: Readonly<Record<string, string>>
    /** false: what is asked of the host alone needs none. */
    readonly daemon?: false
    /** Instead of sending. */
    readonly onTest?: (hook: KeptHook, host: FakeHost) => void
  } = {},
): Promise<Hosted> {
  const world = await createWorld({ blog: { steps: ['true'] } }, { start: false })
  await world.repository().push({ 'index.html': 'v1' })
  await writeFile(world.path('hook.secret'), `${firstSecret}\n`, { mode: 0o600 })
  await writeFile(
    world.path('deploy.yml'),
    `# The map of this test. It keeps its comments.
webhooks:
  ${provider}: # where it comes from
    # the secret:
    ${secret} # which one

apps:
  blog: # the only one
    repo: ${world.path('git/acme/blog.git')}
    aliases: [${domains[provider] ?? ''}/acme/blog]
    path: ${world.path('srv/blog')}
    catch_up: "off"
    steps: [ "true" ] # nothing to do
server: { allow_root_steps: true }
`,
  )
  await chmod(world.path('deploy.yml'), 0o640)
  const address = wantsDaemon === false ? 'http://127.0.0.1:9' : (await world.start(env)).address
  // Pushes are accepted and queued, and that is all these tests look at: a deployment would outlive them.
  if (wantsDaemon !== false) await world.daemon.api('/api/freeze', { method: 'POST', body: {} })
  const url = `${address}/hooks/${provider}`

  const sending: Promise<unknown>[] = []
  const host = await startFakeHost(provider, {
    onTest: onTest ?? ((hook) => sending.push(push(hook, provider === 'github' ? 'ping' : 'push'))),
  })
  await writeFile(world.path('token'), `${host.token}\n`, { mode: 0o600 })
  return {
    ...{ world, host, url },
    ask: (...argv) =>
      run(
        [
          ...argv.slice(0, 3),
          '--token-file',
          world.path('token'),
          '--api-url',
          host.apiUrl,
          '--public-url',
          address,
          ...argv.slice(3),
        ],
        {
          env: { DEPLOYHOOK_SOCKET: world.path('control.sock'), DEPLOYHOOK_CONFIG: world.path('deploy.yml'), ...env },
          cwd: world.dir,
          uid: process.getuid?.() ?? 0,
          clock: { now: () => new Date() },
          sleep: async () => {
            await Promise.all(sending)
            await new Promise((resolve) => setTimeout(resolve, 5))
          },
        },
      ),
    push: (hook) => push(hook, 'push'),
    deployYml: () => readFile(world.path('deploy.yml'), 'utf8'),
    pushUntilProven: (secret) =>
      until('the new secret to be used later than the old one', async () => {
        await push({ url, secret }, 'push')
        const { body } = await world.daemon.api('/api/webhooks')
        const { webhooks } = body as { webhooks: { secrets: { lastUsedAt: string | null }[] }[] }
        const [young = 0, old = 0] = (webhooks[0]?.secrets ?? []).map(({ lastUsedAt }) => Date.parse(lastUsedAt ?? ''))
        return Number.isNaN(old) || young - old >= 1000
      }).then(() => undefined),
  }

  async function push(
    hook: Pick<KeptHook, 'url' | 'secret'> & { id?: string },
    event: 'ping' | 'push',
  ): Promise<number> {
    if (!isProviderName(provider)) throw new Error(provider)
    const id = randomUUID()
    const composed = providers[provider].compose({
      ...{ repository: 'acme/blog', url: `https://${domains[provider] ?? ''}/acme/blog.git`, ref: 'refs/heads/main' },
      ...{
        before: revision(id),
        after: revision(`${id}+`),
        forced: false,
        message: id,
        pusher: 'someone',
        at: new Date(),
      },
    })
    const message = event === 'ping' ? { event, body: Buffer.from('{"zen":"x"}') } : composed
    const { headers, body } = providers[provider].sign(
      { ...message, id, at: new Date() },
      { secret: new Secret(hook.secret ?? ''), options: {} },
    )
    const answer = await request(hook.url, { method: 'POST', headers: { ...headers }, body })
    await answer.body.dump()
    if (hook.id !== undefined) {
      const sent = { at: new Date().toISOString(), event, status: answer.statusCode, providerId: id }
      host.sent.set(hook.id, [sent, ...(host.sent.get(hook.id) ?? [])])
    }
    return answer.statusCode
  }
}

function revision(text: string) {
  return parseRevision(createHash('sha1').update(text).digest('hex'))
}

/** Every host that has an API here, and whether it can send a test. */
export const testable = Object.keys(domains).filter((provider) => hostOf(provider)?.testSends !== null)
export const all = Object.keys(domains)
