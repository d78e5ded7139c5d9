import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadDeployMap } from '../../src/config/index.ts'
import { headsOf, makeFolder, mapOf, options, strong, tell, warningsOf, withApp, withServer } from './support.ts'

const webhook = (entry: string): string => withApp().replace('{ secret: { env: SECRET } }', entry)

/** A file with one webhook whose secret is `files.secret`, next to it. */
async function withFile(content: string | Buffer, { mode = 0o600 }: { mode?: number } = {}) {
  const folder = await makeFolder()
  await writeFile(join(folder, 'secret'), content)
  await chmod(join(folder, 'secret'), mode)
  const file = join(folder, 'deploy.yml')
  await writeFile(file, webhook('{ secret: { file: secret } }'))
  await chmod(file, 0o644)
  const loaded = await loadDeployMap(file, options)
  const secrets =
    loaded.kind === 'loaded' ? loaded.map.webhooks.get('github')?.secrets.map((secret) => secret.reveal()) : null
  return { secrets, told: tell(loaded.kind === 'loaded' ? loaded.warnings : loaded.problems) }
}

describe('a secret from the environment', () => {
  it.each([
    [
      'is not set',
      '{ secret: { env: NOPE } }',
      '2:21 webhooks.github.secret: the environment variable NOPE is not set: set it for the daemon (systemd: EnvironmentFile=), or use { file: … }',
    ],
    [
      'is empty',
      '{ secret: { env: EMPTY } }',
      '2:21 webhooks.github.secret: the secret is empty: make one with: openssl rand -hex 32',
    ],
    [
      'is all spaces',
      '{ secret: { env: SPACES } }',
      '2:21 webhooks.github.secret: the secret is nothing but spaces: make one with: openssl rand -hex 32',
    ],
    [
      'is short',
      '{ secret: { env: SHORT } }',
      '2:21 webhooks.github.secret: the secret has 7 characters, which can be guessed: make one with: openssl rand -hex 32',
    ],
    [
      'is short, as the second of two',
      '{ secrets: [{ env: SECRET }, { env: SHORT }] }',
      '2:40 webhooks.github.secrets[1]: the secret has 7 characters, which can be guessed: make one with: openssl rand -hex 32',
    ],
    [
      'is empty, though weak ones are allowed',
      '{ secret: { env: EMPTY }, allow_weak_secret: true }',
      '2:21 webhooks.github.secret: the secret is empty: make one with: openssl rand -hex 32',
    ],
    [
      'is one that every object has',
      '{ secret: { env: toString } }',
      expect.stringContaining('toString is not set') as string,
    ],
    [
      'is given twice over',
      '{ secret: { env: SECRET }, secrets: [{ env: SECRET }] }',
      '2:38 webhooks.github.secrets: secret and secrets are both here: put both into secrets, the newest first',
    ],
    [
      'is one of three',
      '{ secrets: [{ env: SECRET }, { env: SECRET }, { env: SECRET }] }',
      '2:22 webhooks.github.secrets: holds too many: at most 2',
    ],
    ['is none of none', '{ secrets: [] }', '2:22 webhooks.github.secrets: is empty: add an entry, or take the key out'],
    [
      'has two sources',
      '{ secret: { env: SECRET, file: x } }',
      '2:21 webhooks.github.secret: give exactly one of { env: NAME }, { file: PATH } or { credential: NAME }, with a text',
    ],
    [
      'has no source',
      '{ secret: {} }',
      '2:21 webhooks.github.secret: give exactly one of { env: NAME }, { file: PATH } or { credential: NAME }, with a text',
    ],
    [
      'is left out after its key',
      '{ secret: }',
      '2:13 webhooks.github.secret: is empty: give { env: NAME }, { file: PATH } or { credential: NAME }',
    ],
    [
      'is a number',
      '{ secret: 12345678901234567890 }',
      expect.stringContaining('a secret is never written in this file') as string,
    ],
  ])('is refused when it %s', async (_, entry, told) => {
    expect(await headsOf(webhook(entry))).toEqual([told])
  })

  it.each([15, 16])('needs 16 characters, and has %d', async (length) => {
    const told = await headsOf(webhook('{ secret: { env: SECRET } }'), { env: { SECRET: 'x'.repeat(length) } })
    expect(told.length).toBe(length < 16 ? 1 : 0)
  })

  it('may be short only when that is said, and then still with a warning', async () => {
    const text = webhook('{ secret: { env: SHORT }, allow_weak_secret: true }')
    expect((await mapOf(text)).webhooks.get('github')?.secrets.map((secret) => secret.reveal())).toEqual(['hunter2'])
    expect(await warningsOf(text)).toContain('the secret has 7 characters, which can be guessed (allow_weak_secret)')
  })

  it('is kept in the order of the file when there are two', async () => {
    const map = await mapOf(webhook('{ secrets: [{ env: OTHER }, { env: SECRET }] }'))
    expect(map.webhooks.get('github')?.secrets.map((secret) => secret.reveal())).toEqual([`${strong}2`, strong])
  })

  it('is never looked up again when it looks like a reference itself', async () => {
    const env = { SECRET: '${OTHER}-and-some-more', OTHER: 'x' }
    const map = await mapOf(webhook('{ secret: { env: SECRET } }'), { env })
    expect(map.webhooks.get('github')?.secrets[0]?.reveal()).toBe('${OTHER}-and-some-more')
  })

  it('asks the provider whether the set makes sense', async () => {
    const text = webhook('{ provider: gitlab, secrets: [{ env: SECRET }, { env: SIGNING }] }')
    const env = { SECRET: strong, SIGNING: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }
    expect(await headsOf(text, { env })).toEqual([
      expect.stringMatching(/^2:40 webhooks\.github\.secrets: mixes a signing token/),
    ])
  })

  it.each([
    ['env: { A: { env: NOPE } }', '7:15 apps.blog.env.A: the environment variable NOPE is not set'],
    ['env: { A: { env: EMPTY } }', '7:15 apps.blog.env.A: the secret is empty'],
    [
      'steps: [{ run: make, env: { A: { env: NOPE } } }]',
      '7:36 apps.blog.steps[0].env.A: the environment variable NOPE is not set',
    ],
    ['git: { token: { env: NOPE } }', '7:19 apps.blog.git.token: the environment variable NOPE is not set'],
    ['git: { token: { env: LINES } }', '7:19 apps.blog.git.token: the secret is more than one line'],
  ])('is asked for wherever one may stand: %s', async (line, told) => {
    expect(await headsOf(withApp(line), { env: { ...options.env, LINES: 'a\nb' } })).toEqual([
      expect.stringContaining(told),
    ])
  })

  it('may have several lines, and any length, when a step gets it', async () => {
    const env = { ...options.env, KEY: '-----BEGIN\nx\n-----END\n' }
    const value = (await mapOf(withApp('env: { KEY: { env: KEY } }'), { env })).apps.get('blog')?.env.get('KEY')
    expect(typeof value === 'string' ? null : value?.reveal()).toBe(env.KEY)
  })

  it('is told once when it stands in defaults, however many apps there are', async () => {
    const text = `${withApp()}  shop: { repo: /srv/git/shop, path: /srv/shop }\ndefaults: { env: { A: { env: NOPE } } }\n`
    expect(await headsOf(text)).toEqual([expect.stringContaining('8:23 defaults.env.A: the environment variable NOPE')])
  })

  it('proves an API token only when it is hard to guess', async () => {
    expect(await headsOf(withServer('api_tokens: [{ name: ci, secret: { env: SHORT } }]'))).toEqual([
      expect.stringContaining('8:36 server.api_tokens[0].secret: the secret has 7 characters'),
    ])
  })
})

describe('a secret from a file', () => {
  it.each([
    ['a newline', `${strong}\n`],
    ['CRLF', `${strong}\r\n`],
    ['nothing', strong],
  ])('counts without the line end when it ends in %s', async (_, content) => {
    expect(await withFile(content)).toEqual({ secrets: [strong], told: '' })
  })

  it.each([
    ['empty', '', 'the secret is empty'],
    ['a single newline', '\n', 'the secret is empty'],
    ['blank', '  \n', 'the secret is nothing but spaces'],
    ['short', 'hunter2\n', 'the secret has 7 characters, which can be guessed'],
    ['of two lines', `${strong}\n${strong}\n`, 'the secret is more than one line: keep the line that is meant'],
    ['not text', Buffer.from([0xff, 0xfe, 0xfd]), 'holds bytes that are not text'],
    ['huge', 'x'.repeat(65_537), 'is larger than 64 KiB, which is the limit'],
    ['with a NUL', `${strong}\0`, 'the secret holds a NUL character'],
  ])('is refused when it is %s', async (_, content, told) => {
    const found = await withFile(content)
    expect(found.secrets).toBeNull()
    expect(found.told).toContain(told)
  })

  it.each([
    ['does not exist', () => Promise.resolve(), 'the file secret does not exist'],
    ['is a directory', (file: string) => mkdir(file), 'the file secret is a directory, not a file'],
    ['is a device', (file: string) => symlink('/dev/zero', file), 'the file secret is a device, not a file'],
  ])('is refused when it %s', async (_, make, told) => {
    const folder = await makeFolder()
    await make(join(folder, 'secret'))
    await writeFile(join(folder, 'deploy.yml'), webhook('{ secret: { file: secret } }'), { mode: 0o644 })
    const loaded = await loadDeployMap(join(folder, 'deploy.yml'), options)
    expect(loaded.kind === 'refused' ? tell(loaded.problems) : '').toContain(told)
  })

  it('is warned about when everybody on the machine can read it', async () => {
    const found = await withFile(strong, { mode: 0o644 })
    expect(found.secrets).toEqual([strong])
    expect(found.told).toContain(
      'webhooks.github.secret: the file secret can be read by everybody on this machine: chmod o-rwx secret',
    )
  })

  it('is refused when everybody on the machine could have written it', async () => {
    const found = await withFile(strong, { mode: 0o606 })
    expect(found.secrets).toBeNull()
    expect(found.told).toContain('can be written by everybody')
  })

  it('is warned about when it starts or ends with a space', async () => {
    expect((await withFile(`${strong} \n`)).told).toContain('the secret starts or ends with a space: is it meant to?')
  })

  it('is not looked for in a home directory by ~', async () => {
    expect(await headsOf(webhook('{ secret: { file: ~/secret } }'))).toEqual([
      expect.stringContaining('~ is not expanded here: write the whole path'),
    ])
  })
})

describe('a systemd credential', () => {
  it('is read from the directory that systemd names', async () => {
    const folder = await makeFolder()
    await writeFile(join(folder, 'hook'), `${strong}\n`, { mode: 0o400 })
    const map = await mapOf(webhook('{ secret: { credential: hook } }'), { env: { CREDENTIALS_DIRECTORY: folder } })
    expect(map.webhooks.get('github')?.secrets[0]?.reveal()).toBe(strong)
  })

  it.each([
    [
      'systemd passed none',
      'hook',
      {},
      'no credentials were passed to this process: needs LoadCredential=hook:/path/to/file in the systemd unit',
    ],
    [
      'it is not among them',
      'nope',
      { CREDENTIALS_DIRECTORY: '/nonexistent' },
      'does not exist: needs LoadCredential=nope:/path/to/file in the systemd unit',
    ],
    [
      'its name leads elsewhere',
      '../etc/passwd',
      { CREDENTIALS_DIRECTORY: '/run' },
      'the name of a credential holds no /',
    ],
    ['its name is the directory above', '..', { CREDENTIALS_DIRECTORY: '/run' }, 'the name of a credential holds no /'],
  ])('is refused when %s', async (_, name, env, told) => {
    expect(await headsOf(webhook(`{ secret: { credential: ${name} } }`), { env })).toEqual([
      expect.stringContaining(told),
    ])
  })
})

it('a secret from a file or a credential is known by where it lies, by its key', async () => {
  const folder = await makeFolder()
  await mkdir(join(folder, 'credentials'))
  for (const name of ['secret', 'credentials/hook']) await writeFile(join(folder, name), strong, { mode: 0o600 })
  const file = join(folder, 'deploy.yml')
  await writeFile(file, webhook('{ secrets: [{ file: secret }, { credential: hook }] }'))
  await chmod(file, 0o644)
  const env = { ...options.env, CREDENTIALS_DIRECTORY: join(folder, 'credentials') }
  const loaded = await loadDeployMap(file, { ...options, env })
  expect(loaded.kind === 'loaded' ? loaded.map.secretFiles : loaded.problems).toEqual([
    { key: 'webhooks.github.secrets[0]', file: join(folder, 'secret') },
    { key: 'webhooks.github.secrets[1]', file: join(folder, 'credentials', 'hook') },
  ])
})
