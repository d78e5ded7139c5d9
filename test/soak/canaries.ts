import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { runCli } from '../../src/cli/index.ts'
import type { Output } from '../../src/cli/io.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { Secret } from '../../src/lib/secret.ts'
import { parseRevision } from '../../src/model/revision.ts'
import { providers } from '../../src/providers/index.ts'
import { startDaemon, type Daemon } from '../support/daemon.ts'
import { createRepository } from '../support/repository.ts'
import { until } from '../support/until.ts'
import { openHosts, type Hosts } from './canaries/hosts.ts'
import { createCanaries, createFind, kinds, type Canaries } from './canaries/kinds.ts'
import { createLook, type Hit, type Look } from './canaries/look.ts'
import { brokenMaps, deployMap, filesOf } from './canaries/map.ts'
import { upperBound } from './upper-bound.ts'

export type Canaried = {
  readonly kinds: number
  /** Secrets that were found where none may be. */
  readonly hits: readonly Hit[]
  /** Places in which the looker saw what it had to see: what it never sees into proves nothing. */
  readonly seen: readonly string[]
  /** In which forms a secret was found in the log that was printed in disguises that no mask knows. */
  readonly disguises: readonly string[]
}

const withoutMasking = fileURLToPath(new URL('canaries/without-masking.ts', import.meta.url))

/**
 * Has a real daemon deal with one secret of every kind, in all the ways that they come to it, and looks from outside at
 * all that it writes, says, answers and starts.
 */
export async function soakCanaries({ masking = true } = {}): Promise<Canaried> {
  const folder = await mkdtemp(join(tmpdir(), 'deployhook-canaries-'))
  const canaries = createCanaries()
  const look = createLook(createFind(Object.values(canaries)))
  let daemon: Daemon | null = null
  try {
    await using hosts = await openHosts(folder)
    const world = await createWorld(folder, { canaries, hosts, look })
    daemon = await startDaemon({
      config: world.path('deploy.yml'),
      state: world.path('state'),
      socket: world.path('control.sock'),
      env: { ...world.env, ...(masking ? {} : { NODE_OPTIONS: `--import ${withoutMasking}` }) },
      onSpawn: (child) => {
        child.stdout?.on('data', (chunk: Buffer) => (world.printed.stdout += chunk.toString('latin1')))
        child.stderr?.on('data', (chunk: Buffer) => (world.printed.stderr += chunk.toString('latin1')))
      },
    })
    const processes = look.processes({ daemon: daemon.pid, mark: folder })
    try {
      await live(world, daemon)
    } finally {
      processes.stop()
    }
    daemon.kill('SIGTERM')
    await daemon.ended
    look.said('stdout', world.printed.stdout)
    look.said('stderr', world.printed.stderr)
    await look.files(world.path('state'))
    await look.files(world.path('srv'))
    return judge(look.hits, processes.seen)
  } finally {
    daemon?.kill('SIGKILL')
    await daemon?.ended
    await rm(folder, { recursive: true, force: true })
  }
}

type World = {
  readonly path: (...parts: readonly string[]) => string
  readonly canaries: Canaries
  readonly hosts: Hosts
  readonly look: Look
  readonly env: Readonly<Record<string, string>>
  readonly printed: { stdout: string; stderr: string }
  /** The tip of the branch that is deployed. */
  readonly tip: string
}

async function createWorld(
  folder: string,
  { canaries, hosts, look }: Pick<World, 'canaries' | 'hosts' | 'look'>,
): Promise<World> {
  const path = (...parts: readonly string[]): string => join(folder, ...parts)
  const repository = await createRepository(path('git/acme/blog.git'), path('clone'))
  const { after: tip } = await repository.push({ 'a.txt': 'a' }, { branch: canaries.planted.text })
  execFileSync('git', ['-C', repository.bare, 'update-server-info'])

  for (const [name, text] of Object.entries(filesOf(canaries, hosts))) {
    await mkdir(path('secrets'), { recursive: true, mode: 0o700 })
    await writeFile(path('secrets', name), text, { mode: 0o600 })
  }
  await mkdir(path('bin'))
  // What the real ssh does with a key that it cannot read, without a host at the other end.
  await writeFile(
    path('bin/ssh'),
    `#!/bin/sh\nssh-keygen -y -f ${path('secrets/sshKey')} </dev/null\necho 'git@git.invalid: Permission denied (publickey).' >&2\nexit 255\n`,
  )
  await writeFile(path('bin/report'), '#!/bin/sh\ncat >/dev/null\nsleep 0.1\nenv\necho "no: $REPORT_ENV" >&2\nexit 3\n')
  for (const name of ['ssh', 'report']) await chmod(path('bin', name), 0o755)
  await mkdir(path('srv'))
  await writeFile(path('deploy.yml'), JSON.stringify(deployMap({ path, canaries, hosts })), { mode: 0o600 })

  const proxy = `http://deploy:${canaries.proxyPassword.text}@${hosts.proxy}`
  const env = {
    PATH: `${path('bin')}:${process.env['PATH'] ?? ''}`,
    DEPLOYHOOK_LOG_LEVEL: 'trace',
    CREDENTIALS_DIRECTORY: path('secrets'),
    GIT_SSL_CAINFO: hosts.certificate,
    HTTPS_PROXY: proxy,
    NO_PROXY: '127.0.0.1',
    ENV_SECRET: canaries.env.text,
    DAEMON_ENV: canaries.daemonEnv.text,
  }
  return { path, canaries, hosts, look, env, printed: { stdout: '', stderr: '' }, tip }
}

/** A day in the life of the daemon. */
async function live(world: World, daemon: Daemon): Promise<void> {
  const { look, path } = world
  await receive(world, daemon)
  await deploy(world, daemon)
  await ask(world, daemon)
  await askByCommands(world, daemon)
  await breakTheMap(world, daemon)
  await cli(world, ['backup', path('backup.db')])
  await look.database(path('backup.db'))
  await look.files(path('state'), { isLive: true }) // with the write-ahead log in it
}

/** What git hosts send, right and wrong, and what strangers do. */
async function receive({ canaries, look, tip }: World, { address }: Daemon): Promise<void> {
  const send = async (to: string, headers: object, body: string | Buffer = '{}'): Promise<void> => {
    const answer = await request(`${address}${to}`, { method: 'POST', headers: { ...headers }, body })
    look.said(`answer to ${to}`, `${JSON.stringify(answer.headers)}${await answer.body.text()}`)
  }
  const push = {
    repository: 'acme/blog',
    url: 'https://git.example/acme/blog.git',
    ref: `refs/heads/${canaries.planted.text}`,
    ...{ before: null, after: parseRevision(tip), forced: false, message: 'Update', pusher: 'ada', at: new Date() },
  }
  const extra = {
    'x-github-encoded-secret': canaries.extraHeader.text,
    cookie: `session=${canaries.extraHeader.text}`,
    'x-request-secret': canaries.extraHeader.text,
  }
  const believed = [
    ...(['gitlab', 'gitlab-older', 'gitee', 'azure', 'azure-header', 'github', 'bitbucket', 'standard'] as const),
  ]
  for (const webhook of believed) {
    const { provider, secret, options } = webhookOf(webhook, canaries)
    const { event, body } = providers[provider].compose(push)
    const signed = providers[provider].sign(
      { event, id: `delivery-${webhook}`, body, at: new Date() },
      { secret: new Secret(secret), options },
    )
    if (provider !== 'gitee') {
      await send(`/hooks/${webhook}`, { ...signed.headers, ...extra }, signed.body)
      continue
    }
    // By password, which Gitee repeats in the body, in one form or the other.
    const stamp = String(Date.now())
    const sign = createHmac('sha256', secret).update(`${stamp}\n${secret}`).digest('base64')
    const told = { ...(JSON.parse(signed.body.toString()) as object), password: secret, sign, timestamp: stamp }
    await send(`/hooks/${webhook}`, { ...signed.headers, 'x-gitee-token': secret, ...extra }, JSON.stringify(told))
  }

  const { strangerHeader, strangerQuery, strangerBody } = canaries
  const basic = Buffer.from(`deployhook:${strangerHeader.text}`).toString('base64')
  for (const webhook of [...believed, 'nowhere']) {
    const proof = {
      ...{ 'x-gitlab-token': strangerHeader.text, 'x-gitee-token': strangerHeader.text },
      ...{ authorization: `Basic ${basic}`, 'x-deploy-token': strangerHeader.text, cookie: strangerHeader.text },
      ...{ 'x-hub-signature-256': `sha256=${strangerHeader.text}` },
      ...{ 'x-github-event': strangerHeader.text, 'user-agent': strangerHeader.text },
    }
    await send(`/hooks/${webhook}?token=${strangerQuery.text}`, proof, JSON.stringify({ password: strangerBody.text }))
    await send(`/hooks/${webhook}?token=${strangerQuery.text}`, {}, `password=${strangerBody.text}`)
  }
}

function webhookOf(
  name: string,
  canaries: Canaries,
): { readonly provider: keyof typeof providers; readonly secret: string; readonly options: object } {
  if (name === 'gitlab-older') return { provider: 'gitlab', secret: canaries.older.text, options: {} }
  if (name === 'azure-header')
    return { provider: 'azure', secret: canaries.azureHeader.text, options: { header: 'X-Deploy-Token' } }
  const provider = name as 'gitlab' | 'gitee' | 'azure' | 'github' | 'bitbucket' | 'standard'
  return { provider, secret: canaries[provider].text, options: {} }
}

/** The other apps by hand, good ones and those whose host answers with what it was told. */
async function deploy({ look, path }: World, daemon: Daemon): Promise<void> {
  for (const app of ['fails', 'other', 'shop', 'echo', 'away', 'far', 'keyed']) {
    await daemon.api(`/api/apps/${app}/deploy`, { method: 'POST', body: {} })
  }
  await until('the step that waits to be looked at', () => existsSync(path('srv/prints/waiting')))
  look.said('ps', execFileSync('ps', ['-eo', 'args', '-ww']))
  await look.files(path('state'), { isLive: true })
  await look.files(path('srv'), { isLive: true })
  await writeFile(path('srv/prints/looked'), '')
  await until('every deployment to end', async () => {
    const { body } = await daemon.api('/api/deployments?limit=500')
    return (body as { deployments: { state: string }[] }).deployments.every(({ state }) => state === 'done')
  })
  await until('the reports to be tried', async () => {
    const { body } = await daemon.api('/api/status')
    const { reporters } = body as { reporters: { lastError: unknown }[] }
    return reporters.every(({ lastError }) => lastError !== null)
  })
}

/** All that the API answers, over the socket and over TCP. */
async function ask({ canaries, look }: World, daemon: Daemon): Promise<void> {
  const { body } = await daemon.api('/api/deployments?limit=500')
  const deployments = (body as { deployments: { id: number }[] }).deployments.map(({ id }) => id)
  const { body: listed } = await daemon.api('/api/deliveries?limit=500')
  const deliveries = (listed as { deliveries: { id: number }[] }).deliveries.map(({ id }) => id)
  const subjects = ['', ...appNames, ...webhookNames, 'nowhere', ...deployments.map((id) => `deployment:${id}`)]
  const paths = [
    ...['/healthz', '/readyz', '/metrics', '/api/status', '/api/apps', '/api/webhooks', '/api/nothing'],
    ...['/api/deployments?limit=500', '/api/deliveries?limit=500'],
    ...deployments.flatMap((id) => [`/api/deployments/${id}`, `/api/deployments/${id}/log`]),
    ...deployments.slice(-1).map((id) => `/api/deployments/${id}/log?follow`),
    ...deliveries.map((id) => `/api/deliveries/${id}`),
    ...[...subjects, ...deliveries.map((id) => `delivery:${id}`)].map(
      (subject) => `/api/explain?subject=${encodeURIComponent(subject)}`,
    ),
  ]
  for (const path of paths) look.said(`API ${path.replace(/\d+/g, 'N')}`, (await daemon.api(path)).text)
  for (const name of ['mailer', 'pager'])
    look.said(
      'API test of a reporter',
      (await daemon.api(`/api/reporters/${name}/test`, { method: 'POST', body: {} })).text,
    )

  const { apiToken, wrongApiToken, queryApiToken } = canaries
  for (const token of [apiToken.text, wrongApiToken.text])
    for (const path of [`/api/status?token=${queryApiToken.text}`, '/metrics', '/api/nothing', '/api/deployments/x']) {
      const answer = await request(`${daemon.address}${path}`, { headers: { authorization: `Bearer ${token}` } })
      look.said('API over TCP', `${JSON.stringify(answer.headers)}${await answer.body.text()}`)
    }
  for (const webhook of ['gitlab', 'azure']) {
    // It holds the secret, so it is for the control socket alone.
    const answer = await request(`${daemon.address}/api/webhooks/${webhook}/sample`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiToken.text}` },
      body: '{}',
    })
    look.said('API sample over TCP', await answer.body.text())
  }
}

const appNames = ['prints', 'fails', 'other', 'shop', 'echo', 'away', 'far', 'keyed']
const webhookNames = ['gitlab', 'gitee', 'azure', 'azure-header', 'github', 'bitbucket', 'standard']

async function askByCommands(world: World, daemon: Daemon): Promise<void> {
  const { path, canaries } = world
  const payload = path('payload.json')
  await writeFile(payload, JSON.stringify({ password: canaries.gitee.text, hook_name: 'push_hooks' }))
  await writeFile(path('headers.txt'), `X-Gitee-Token: ${canaries.gitee.text}\nX-Gitee-Timestamp: 1\n`)
  const { body } = await daemon.api('/api/deployments?limit=500')
  const ids = (body as { deployments: { id: number }[] }).deployments.map(({ id }) => String(id))
  const commands = [
    ...[['status'], ['apps'], ['deployments'], ['deliveries'], ['webhooks'], ['explain'], ['reload']],
    ...[
      ['explain', 'echo'],
      ['logs', 'prints'],
      ['logs', 'fails'],
    ],
    ...ids.map((id) => ['show', id]),
    ['check', path('deploy.yml')],
    ['report', 'mailer'],
    ['report', 'pager'],
    ['simulate', '--webhook', 'gitee', '--payload', payload, '--headers', path('headers.txt')],
    ['simulate', '--webhook', 'github', '--payload', payload],
    ['send', '--webhook', 'gitlab', '--app', 'prints'],
    ['send', '--webhook', 'azure', '--app', 'prints', '--json'],
  ]
  for (const command of commands) await cli(world, command)
}

/** Secrets written into deploy.yml itself: the daemon refuses it, `check` shows where. */
async function breakTheMap(world: World, daemon: Daemon): Promise<void> {
  const { path, canaries, look } = world
  const right = await readFile(path('deploy.yml'))
  for (const [number, text] of brokenMaps(canaries).entries()) {
    await writeFile(path(`broken-${number}.yml`), text, { mode: 0o600 })
    await cli(world, ['check', path(`broken-${number}.yml`)])
    await writeFile(path('deploy.yml'), text)
    const answer = await daemon.api('/api/reload', { method: 'POST', body: {} })
    if (answer.status !== 422) throw new Error(`broken map ${number} was answered ${answer.status}`)
    look.said(`answer to a broken map ${number}`, answer.text)
    look.said('API /api/status, broken map', (await daemon.api('/api/status')).text)
  }
  await writeFile(path('deploy.yml'), right)
}

/** One command, as it would run in another terminal. */
async function cli({ path, look }: World, argv: readonly string[]): Promise<void> {
  let said = ''
  const output: Output = {
    write(text, written) {
      said += String(text)
      written()
    },
  }
  await runCli(argv, {
    env: { DEPLOYHOOK_SOCKET: path('control.sock') },
    ...{ stdout: output, stderr: output, cwd: path(), uid: 0, version: '0', clock: systemClock },
    sleep: () => Promise.resolve(),
    prompt: null,
    onInterrupt: () => () => undefined,
    serve: () => Promise.reject(new Error('nothing is served here')),
  })
  look.said(`command ${argv[0] ?? ''}`, said)
}

function judge(all: readonly Hit[], processes: ReadonlySet<string>): Canaried {
  const placesOf = (kind: string): readonly string[] => all.filter((hit) => hit.kind === kind).map(({ place }) => place)
  const forms = all.filter(({ kind, place }) => kind === 'disguised' && place.startsWith('file logs/'))
  return {
    kinds: Object.keys(kinds).length,
    hits: all.filter(({ kind }) => kind !== 'planted' && kind !== 'disguised'),
    seen: [...new Set([...placesOf('planted'), ...[...processes].map((kind) => `process: ${kind}`)])].toSorted(),
    disguises: [...new Set(forms.map(({ form }) => form))].toSorted(),
  }
}

if (import.meta.main) {
  const started = Date.now()
  const { kinds: count, hits, seen, disguises } = await soakCanaries()
  const control = await soakCanaries({ masking: false })
  console.log(JSON.stringify({ kinds: count, hits, seen, disguises, control: control.hits }, null, 2))
  console.log(
    `${hits.length} hits of ${count} kinds of secret (none: at most ${upperBound(count)}), ${control.hits.length} without masking`,
  )
  console.log(`${Math.round((Date.now() - started) / 1000)} s`)
  process.exitCode = hits.length === 0 && control.hits.length > 0 ? 0 : 1
}
