import { describe, expect, it } from 'vitest'
import { secretsOf } from '../../src/model/deploy-map.ts'
import { headsOf, mapOf, signing, warningsOf, withApp } from './support.ts'

const withReporters = (...lines: readonly string[]) =>
  withApp() + ['reporters:', ...lines.map((line) => `  ${line}`), ''].join('\n')

const webhook = (rest: string) => withReporters(`ops: { kind: webhook, secret: { env: SIGNING }, ${rest} }`)

describe('reporters', () => {
  it('are a webhook with a URL and a signing secret, or a command', async () => {
    const map = await mapOf(
      withReporters(
        'ops: { kind: webhook, url: https://example.com/x, secret: { env: SIGNING } }',
        'command: { run: [mail, ops], env: { TOKEN: { env: TOKEN }, PLAIN: text } }',
      ),
    )
    const [ops, command] = [...map.reporters.values()]
    expect(ops).toMatchObject({ name: 'ops', kind: 'webhook', options: { url: 'https://example.com/x' } })
    expect(command).toMatchObject({ name: 'command', kind: 'command', options: { run: ['mail', 'ops'] } })
    expect(secretsOf(map).map((secret) => secret.reveal())).toEqual(expect.arrayContaining([signing, 'tkn']))
    expect(JSON.stringify([ops, command])).not.toMatch(/whsec_|tkn/)
  })

  it('may have a URL that is a secret itself, with its user and password', async () => {
    const map = await mapOf(webhook('url: { env: RECEIVER }'))
    expect(secretsOf(map).map((secret) => secret.reveal())).toContain(
      'https://user:pass@hooks.example.com/t0ken?key=hidden',
    )
  })

  it.each([
    ['kind: webhok', 'reporters.ops.kind: must be webhook or command: did you mean "webhook"?'],
    ['url: https://example.com', 'reporters.ops: has no kind: add kind: and one of webhook, command'],
    [
      'kind: webhook, secret: { env: SIGNING }',
      'reporters.ops: has no url, which a reporter of the kind webhook needs',
    ],
    [
      'kind: webhook, url: https://example.com',
      'reporters.ops: has no secret, which a reporter of the kind webhook needs',
    ],
    ['kind: command', 'reporters.ops: has no run, which a reporter of the kind command needs'],
    ['kind: command, run: []', 'reporters.ops.run: is empty: add the program'],
    ['kind: command, run: [""]', 'reporters.ops.run: the first entry, the program, is empty'],
    ['kind: command, run: mail ops', 'reporters.ops.run: must be a list'],
    [
      'kind: command, run: [x], url: https://example.com',
      'reporters.ops.url: command has no key "url": it belongs to another kind of reporter',
    ],
    [
      'kind: command, run: [x], env: { DEPLOYHOOK_X: y }',
      'reporters.ops.env.DEPLOYHOOK_X: is no name for a variable of your own',
    ],
    [
      'kind: webhook, url: https://example.com, secret: { env: SECRET }',
      'reporters.ops.secret: must be whsec_ and then 24 to 64 bytes in base64: make one with echo "whsec_$(openssl rand -base64 32)"',
    ],
    [
      'kind: webhook, url: https://example.com, secret: whsec_plain',
      'reporters.ops.secret: a secret is never written in this file: give { env: NAME }, { file: PATH } or { credential: NAME } (a new one: openssl rand -hex 32)',
    ],
    [
      'kind: webhook, url: https://example.com, secret: { env: NOPE }',
      'reporters.ops.secret: the environment variable NOPE is not set: set it for the daemon (systemd: EnvironmentFile=), or use { file: … }',
    ],
  ])('that say %s are refused', async (entry, problem) => {
    const heads = await headsOf(withReporters(`ops: { ${entry} }`))
    expect(heads.map((head) => head.replace(/^\d+:\d+ /, ''))).toEqual([problem])
  })

  it.each<[url: string, problem: string]>([
    [
      'http://example.com',
      'must begin with https:// (http:// is for a receiver of your own network, with allow_private: true)',
    ],
    ['ftp://example.com', 'must be a URL such as https://example.com/hooks/deploys'],
    ['example.com/x', 'must be a URL such as https://example.com/hooks/deploys'],
    [
      'https://a:b@example.com',
      'must not hold a user name or password: put the whole URL into a file, and give { file: PATH }',
    ],
    ...[
      'https://127.0.0.1',
      'https://2130706433',
      'https://0177.1',
      'https://[::1]',
      'https://[::ffff:10.0.0.1]',
      'https://169.254.169.254',
      'https://localhost',
    ].map((url): [string, string] => [
      url,
      'leads to this machine or its network: if that is meant, add allow_private: true',
    ]),
  ])('send nothing to %s', async (url, problem) => {
    const heads = await headsOf(webhook(`url: "${url}"`))
    expect(heads.map((head) => head.replace(/^\d+:\d+ /, ''))).toEqual([`reporters.ops.url: ${problem}`])
  })

  it.each(['http://127.0.0.1:8080/x', 'http://chat.internal', 'https://[::1]'])(
    'send to %s where private receivers are allowed',
    async (url) => {
      await mapOf(webhook(`url: "${url}", allow_private: true`))
    },
  )

  it('run commands as root only where steps may', async () => {
    const text = withReporters('ops: { kind: command, run: [x] }')
    const problem =
      'reporters.ops: would run as root: run deployhook as a user of its own, or allow it with server: { allow_root_steps: true }'
    expect((await headsOf(text, { uid: 0, rootSteps: 'refuse' }))[0]).toContain(problem)
    expect(await warningsOf(text, { uid: 0, rootSteps: 'warn' })).toContain(problem)
    await mapOf(`${text}server: { allow_root_steps: true }\n`, { uid: 0, rootSteps: 'refuse' })
  })
})

describe('notify', () => {
  const ops = 'reporters: { ops: { kind: command, run: [x] }, pager: { kind: command, run: [y] } }\n'
  const notifyOf = async (own: string, more = '') => (await mapOf(withApp(own) + ops + more)).apps.get('blog')?.notify

  it('names reporters, told of the usual or of what it says', async () => {
    expect(await notifyOf('notify: [ops, { reporter: pager, on: [timed_out, succeeded] }]')).toEqual([
      { reporter: 'ops', on: ['failed', 'recovered'] },
      { reporter: 'pager', on: ['timed_out', 'succeeded'] },
    ])
    expect(await notifyOf('timeout: 5m')).toEqual([])
  })

  it('of an app takes the place of that of defaults, also with nobody in it', async () => {
    const defaults = 'defaults: { notify: [ops] }\n'
    expect(await notifyOf('timeout: 5m', defaults)).toEqual([{ reporter: 'ops', on: ['failed', 'recovered'] }])
    expect(await notifyOf('notify: []', defaults)).toEqual([])
  })

  it('does not change what is live: the fingerprint stays', async () => {
    const print = async (own: string) => (await mapOf(withApp(own) + ops)).apps.get('blog')?.fingerprint
    expect(await print('notify: [ops]')).toBe(await print('notify: [pager]'))
  })

  it.each([
    ['notify: [ps]', 'apps.blog.notify[0]: there is no reporter "ps": did you mean "ops"?'],
    [
      'notify: [{ reporter: pagr }]',
      'apps.blog.notify[0].reporter: there is no reporter "pagr": did you mean "pager"?',
    ],
    [
      'notify: [{ reporter: ops, on: [broken] }]',
      'apps.blog.notify[0].on[0]: must be one of failed, timed_out, interrupted, rolled_back, recovered, succeeded, cancelled, skipped, superseded',
    ],
    ['notify: [{ reporter: ops, on: [] }]', 'apps.blog.notify[0].on: is empty: add an entry, or take the key out'],
    ['notify: [{ on: [failed] }]', 'apps.blog.notify[0].reporter: is missing'],
    ['notify: ops', 'apps.blog.notify: must be a list'],
  ])('%s is refused', async (own, problem) => {
    const heads = await headsOf(withApp(own) + ops)
    expect(heads.map((head) => head.replace(/^\d+:\d+ /, ''))).toEqual([problem])
  })

  it('where there are no reporters says where they go', async () => {
    expect(await headsOf(withApp('notify: [ops]'))).toEqual([
      '7:14 apps.blog.notify[0]: there is no reporter "ops": add it to reporters, at the top level',
    ])
  })
})
