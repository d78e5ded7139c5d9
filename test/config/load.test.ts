import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import { findDeployMap, loadDeployMap } from '../../src/config/index.ts'
import type { App, DeployMap } from '../../src/model/deploy-map.ts'
import { makeFolder, mapOf, options, strong, withApp, withServer } from './support.ts'
import { noSandbox } from '../support/map.ts'

function appOf(map: DeployMap, name = 'blog'): App {
  const app = map.apps.get(name)
  if (app === undefined) throw new Error(`no app ${name}`)
  return app
}

describe('a deploy map', () => {
  it('fills in everything that the smallest file leaves out', async () => {
    const map = await mapOf(withApp('steps: [npm ci]'))
    expect([...map.webhooks.values()]).toMatchObject([{ name: 'github', provider: 'github', options: {} }])
    expect(map.webhooks.get('github')?.secrets.map((secret) => secret.reveal())).toEqual([strong])
    expect(appOf(map)).toEqual({
      name: 'blog',
      repo: { url: 'https://github.com/acme/blog.git', protocol: 'https', identity: 'github.com/acme/blog' },
      aliases: [],
      branch: 'main',
      branches: [],
      catchUpMs: 300_000,
      notify: [],
      tags: [],
      paths: null,
      skip: [],
      path: '/srv/blog',
      strategy: 'in-place',
      shared: [],
      keep: 5,
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
      executor: 'auto',
      limits: { memoryBytes: null, cpuPercent: null, tasks: null },
      sandbox: noSandbox,
      git: { sshKey: null, knownHosts: null, token: null, username: 'x-access-token' },
      steps: [
        {
          name: 'npm ci',
          run: { kind: 'script', shell: 'sh', text: 'npm ci' },
          timeoutMs: null,
          env: new Map(),
          cwd: '.',
          background: 'kill',
        },
      ],
      env: new Map(),
      timeoutMs: 1_800_000,
      webhook: null,
      concurrencyGroup: 'github.com/acme/blog',
      adopt: false,
      was: [],
      onInterrupt: 'requeue',
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    })
    expect(map.server).toEqual({
      listen: { kind: 'tcp', host: '127.0.0.1', port: 9000 },
      publicUrl: null,
      hosts: [],
      trustProxy: [],
      maxRunning: 4,
      maxAttempts: 2,
      apiTokens: [],
      allowRootSteps: false,
      metrics: 'token',
      keepDeliveriesMs: 604_800_000,
      keepLogsMs: 7_776_000_000,
      maxLogBytes: 2_147_483_648,
      keepHistoryMs: 31_536_000_000,
      maxHistory: 50_000,
      minFreeBytes: null,
    })
  })

  it('says everything that can be said of an app', async () => {
    const map = await mapOf(
      withApp(
        'repo: git@github.com:acme/blog.git',
        'aliases: [acme/Weblog, "https://gitlab.com/acme/blog.git"]',
        'branch: release/2',
        'path: /srv//blog/./site/',
        'strategy: in-place',
        'git: { ssh_key: keys/blog, known_hosts: /etc/ssh/hosts }',
        'timeout: 1h30m',
        'webhook: github',
        'concurrency_group: db',
        'adopt: true',
        'was: [weblog]',
        'on_interrupt: stop',
        'env: { PORT: "8080", TOKEN: { env: TOKEN } }',
        'steps:',
        '  - [npm, run, "a b"]',
        '  - |',
        '    ',
        '    echo one',
        '    echo two',
        '  - { name: restart, run: "make x", shell: bash, timeout: 90s, cwd: ./ops/, env: { A: b } }',
        '  - { run: [make, y] }',
      ),
    )
    const app = appOf(map)
    expect(app).toMatchObject({
      repo: { protocol: 'ssh', identity: 'github.com/acme/blog' },
      aliases: ['acme/weblog', 'gitlab.com/acme/blog'],
      branch: 'release/2',
      path: '/srv/blog/site',
      git: { sshKey: join(map.file, '../keys/blog'), knownHosts: '/etc/ssh/hosts', token: null },
      timeoutMs: 5_400_000,
      webhook: 'github',
      concurrencyGroup: 'db',
      adopt: true,
      was: ['weblog'],
      onInterrupt: 'stop',
    })
    expect(app.steps.map(({ name, run, timeoutMs, cwd }) => [name, run.kind, timeoutMs, cwd])).toEqual([
      ['npm run a b', 'argv', null, '.'],
      ['echo one', 'script', null, '.'],
      ['restart', 'script', 90_000, 'ops'],
      ['make y', 'argv', null, '.'],
    ])
    expect(app.steps[0]?.run).toEqual({ kind: 'argv', argv: ['npm', 'run', 'a b'] })
    expect(app.steps[2]?.env).toEqual(new Map([['A', 'b']]))
    expect(app.env.get('PORT')).toBe('8080')
    expect(app.env.get('TOKEN')).not.toBeTypeOf('string')
  })

  it('says everything that can be said of the server', async () => {
    const { server } = await mapOf(
      withServer(
        'listen: "[::1]:0"',
        'public_url: https://Deploy.example.com/hooks/',
        'hosts: [Deploy.Internal]',
        'trust_proxy: [loopback, 10.0.0.0/8, "fd00::1"]',
        'max_running: 2',
        'max_attempts: 5',
        'allow_root_steps: true',
        'metrics: public',
        'keep_deliveries: 12h',
        'keep_logs: 30d',
        'max_logs: 500MiB',
        'keep_history: 180d',
        'max_history: 1000',
        'min_free: 3GiB',
        'api_tokens:',
        '  - { name: ci, secret: { env: SECRET }, can: operate }',
        `  - { name: board, sha256: ${'AB'.repeat(32)} }`,
      ),
    )
    expect(server).toEqual({
      listen: { kind: 'tcp', host: '::1', port: 0 },
      publicUrl: 'https://deploy.example.com/hooks',
      hosts: ['deploy.internal'],
      trustProxy: ['127.0.0.0/8', '::1/128', '10.0.0.0/8', 'fd00::1'],
      maxRunning: 2,
      maxAttempts: 5,
      apiTokens: [
        {
          name: 'ci',
          sha256: createHash('sha256').update(strong).digest(),
          secret: new Secret(strong),
          can: 'operate',
        },
        { name: 'board', sha256: Buffer.alloc(32, 0xab), secret: null, can: 'read' },
      ],
      allowRootSteps: true,
      metrics: 'public',
      keepDeliveriesMs: 43_200_000,
      keepLogsMs: 2_592_000_000,
      maxLogBytes: 524_288_000,
      keepHistoryMs: 15_552_000_000,
      maxHistory: 1000,
      minFreeBytes: 3_221_225_472,
    })
  })

  it('listens on a socket when told so', async () => {
    const { server } = await mapOf(withServer('listen: unix:/run/deployhook/http.sock'))
    expect(server.listen).toEqual({ kind: 'unix', path: '/run/deployhook/http.sock' })
  })

  it('gives an app the defaults that it does not replace, and merges env name by name', async () => {
    const defaults = 'defaults: { timeout: 5m, branch: trunk, steps: [make], env: { A: one, B: one } }\n'
    const plain = appOf(await mapOf(withApp() + defaults))
    expect([plain.timeoutMs, plain.branch, plain.steps.length]).toEqual([300_000, 'trunk', 1])
    const own = appOf(await mapOf(withApp('branch: main', 'steps: []', 'env: { B: two, C: two }') + defaults))
    expect([own.timeoutMs, own.branch, own.steps.length]).toEqual([300_000, 'main', 0])
    expect(own.env).toEqual(
      new Map([
        ['A', 'one'],
        ['B', 'two'],
        ['C', 'two'],
      ]),
    )
  })

  it('takes from the default git only what the protocol of the repository has a use for', async () => {
    const defaults = 'defaults: { git: { ssh_key: /etc/deployhook/key, token: { env: TOKEN } } }\n'
    const https = appOf(await mapOf(withApp() + defaults))
    expect([https.git.sshKey, https.git.token?.reveal()]).toEqual([null, 'tkn'])
    const ssh = appOf(await mapOf(withApp('repo: git@github.com:acme/blog.git') + defaults))
    expect([ssh.git.sshKey, ssh.git.token]).toEqual(['/etc/deployhook/key', null])
  })

  it('lets several apps name one repository from defaults', async () => {
    const map = await mapOf(
      'webhooks: { github: { secret: { env: SECRET } } }\ndefaults: { repo: /srv/git/mono.git }\napps: { a: { path: /srv/a }, b: { path: /srv/b } }\n',
    )
    expect([...map.apps.values()].map(({ repo }) => repo.identity)).toEqual([
      'file:/srv/git/mono',
      'file:/srv/git/mono',
    ])
  })

  it('reads anchors and aliases as what they stand for', async () => {
    const map = await mapOf(
      withApp('steps: &build [npm ci]') + '  shop: { repo: /srv/git/shop, path: /srv/shop, steps: *build }\n',
    )
    expect(appOf(map, 'shop').steps).toEqual(appOf(map).steps)
  })

  it.each([
    ['a byte order mark', '\ufeff', '\n'],
    ['CRLF', '', '\r\n'],
  ])('may be written with %s', async (_, start, lineEnd) => {
    const map = await mapOf(start + withApp('steps:', '  - |', '    a', '    b').replaceAll('\n', lineEnd))
    expect(appOf(map).steps[0]?.run).toEqual({ kind: 'script', shell: 'sh', text: 'a\nb\n' })
  })

  it('takes templates and shell characters in a step as text, whatever they look like', async () => {
    const text = "echo ${{ github.event }} $(id) {{ message }} ${TOKEN} 'x'"
    expect(appOf(await mapOf(withApp(`steps: [${JSON.stringify(text)}]`))).steps[0]?.run).toMatchObject({ text })
  })

  it('never prints a secret', async () => {
    const map = await mapOf(withApp('git: { token: { env: TOKEN } }', 'env: { A: { env: OTHER } }'))
    const printed =
      inspect(map, { depth: 20, showHidden: true }) + JSON.stringify([...map.apps.values(), ...map.webhooks.values()])
    expect(printed).toContain('[secret]')
    expect(printed).not.toContain(strong)
    expect(printed).not.toContain('tkn')
  })
})

describe('a fingerprint', () => {
  const fingerprint = async (...lines: string[]): Promise<string> => appOf(await mapOf(withApp(...lines))).fingerprint

  it('is the same for the same entry, in another order or with a default spelled out', async () => {
    const one = await fingerprint('branch: main', 'env: { A: x, B: y }')
    expect(await fingerprint('env: { B: y, A: x }', 'timeout: 30m')).toBe(one)
  })

  it.each([
    ['branch: other'],
    ['steps: [make]'],
    ['env: { A: z }'],
    ['timeout: 5m'],
    ['path: /srv/blog2'],
    ['env: { A: { env: OTHER } }'],
  ])('changes with %s', async (line) => {
    expect(await fingerprint(line)).not.toBe(await fingerprint('env: { A: x }'))
  })

  it.each(["branches: [main, 'release/*']", "paths: ['src/**']", "tags: ['v*']", "skip: ['[skip deploy]']"])(
    'stays with %s: which pushes are wanted makes nothing that is live outdated',
    async (line) => {
      expect(await fingerprint(line)).toBe(await fingerprint())
    },
  )

  it('does not come from the values of secrets, only from where they are', async () => {
    const text = withApp('env: { A: { env: OTHER } }')
    const before = appOf(await mapOf(text)).fingerprint
    expect(appOf(await mapOf(text, { env: { ...options.env, OTHER: 'rotated' } })).fingerprint).toBe(before)
    expect(await fingerprint('env: { A: { env: SECRET } }')).not.toBe(before)
  })
})

describe('loading', () => {
  it('knows the file by its absolute name', async () => {
    const map = await mapOf(withApp())
    expect(await readFile(map.file, 'utf8')).toBe(withApp())
  })

  it('finds ./deploy.yml first, then the one of the system, else none', async () => {
    const [cwd, system] = [await makeFolder(), join(await makeFolder(), 'deploy.yml')]
    expect(await findDeployMap({ cwd, system })).toBeNull()
    await writeFile(system, withApp())
    expect(await findDeployMap({ cwd, system })).toBe(system)
    await mkdir(join(cwd, 'deploy.yml'))
    expect(await findDeployMap({ cwd, system })).toBe(join(cwd, 'deploy.yml'))
    expect(await loadDeployMap(join(cwd, 'deploy.yml'), options)).toMatchObject({ kind: 'refused' })
  })
})
