import { mkdir, readdir, readFile, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { providers } from '../../src/providers/index.ts'
import { createRepository } from '../support/repository.ts'
import { run, temporaryDirectory, type Ran, type Running } from './world.ts'

const uid = process.getuid?.() ?? 0

type Place = {
  readonly dir: string
  readonly repo: string
  readonly init: (argv: readonly string[], running?: Running) => Promise<Ran>
  readonly read: (name: string) => Promise<string>
}

async function createPlace(branch = 'main'): Promise<Place> {
  const dir = await temporaryDirectory()
  const repo = join(dir, 'git/blog.git')
  await (await createRepository(repo, join(dir, 'clone'))).push({ 'index.html': 'v1' }, { branch })
  await mkdir(join(dir, 'etc'))
  const env = { PATH: process.env['PATH'], HOME: dir }
  return {
    dir,
    repo,
    init: (argv, running = {}) =>
      run(['init', '--config', join(dir, 'etc/deploy.yml'), ...argv], { cwd: dir, uid, env, ...running }),
    read: (name) => readFile(join(dir, 'etc', name), 'utf8'),
  }
}

describe('deployhook init', () => {
  it('writes a deploy.yml that is right, with a secret of its own, from flags alone', async () => {
    const { dir, repo, init, read } = await createPlace()
    const { out, err, code } = await init([
      ...['--repo', repo, '--provider', 'github', '--app', 'blog', '--path', join(dir, 'srv')],
      ...['--step', 'npm ci', '--step', 'echo "a: b" # c', '--public-url', 'https://deploy.example.com/'],
    ])
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(await readdir(join(dir, 'etc'))).toEqual(['deploy.yml', 'github.secret'])
    expect(await read('github.secret')).toMatch(/^[0-9a-f]{64}\n$/)
    expect((await stat(join(dir, 'etc/github.secret'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(dir, 'etc/deploy.yml'))).mode & 0o777).toBe(0o640)

    expect((await read('deploy.yml')).replaceAll(dir, '/DIR')).toMatchInlineSnapshot(`
      "# deploy.yml: what deployhook deploys on this machine, and which pushes do it. Made by \`deployhook init\`.
      # deploy.yml.example, which comes with deployhook, shows every key. After a change: deployhook check.
      # A running daemon takes a changed file over by itself, and keeps the old one while there is a mistake in it.

      webhooks:
        github: # served at POST /hooks/github: the git host is given that URL, and the secret
          # Never the secret itself. Another one: deployhook webhooks rotate blog
          secret: { file: /DIR/etc/github.secret }

      apps:
        blog:
          repo: /DIR/git/blog.git
          branch: main # pushes to others deploy nothing
          path: /DIR/srv # its own: everything tracked in it becomes what the commit has
          # One after the other, in path; the first that fails ends the deployment.
          steps:
            - npm ci
            - "echo \\"a: b\\" # c"

      server:
        public_url: https://deploy.example.com # for links, and for deployhook webhooks
      "
    `)
    expect(out).toContain('and has the branch main')
    expect(out).toMatch(/"Payload URL" +https:\/\/deploy\.example\.com\/hooks\/github/)
    expect(out).toMatch(/"Content type" +application\/json/)
    expect(out).toMatch(/"Secret" +what this prints: cat .*github\.secret/)
    expect(out).toContain('deployhook webhooks create blog')
    expect(out).not.toContain((await read('github.secret')).trim())

    const checked = await run(['check', join(dir, 'etc/deploy.yml'), '--json'], { cwd: dir, uid, env: { HOME: dir } })
    expect(JSON.parse(checked.out)).toMatchObject({
      ok: true,
      webhooks: [{ url: 'https://deploy.example.com/hooks/github' }],
      apps: [{ name: 'blog', branch: 'main' }],
    })
  })

  it.each(Object.keys(providers))(
    'tells the fields of the form of %s, with a secret that it takes',
    async (provider) => {
      const { init, repo, dir } = await createPlace()
      const { out, err, code } = await init([
        '--repo',
        repo,
        '--provider',
        provider,
        '--path',
        join(dir, 'srv'),
        '--json',
        '--no-git-check',
      ])
      expect([code, err]).toEqual([0, ''])
      const told = JSON.parse(out) as { form: Record<string, string>; app: string; webhook: string }
      expect(told).toMatchObject({ app: 'blog', webhook: provider, url: null })
      expect(Object.keys(told.form).length).toBeGreaterThan(3)
      expect(Object.values(told.form)[0]).toContain(`/hooks/${provider}`)
    },
  )

  it('asks what it was not told, and asks again when the answer will not do', async () => {
    const { init, repo, dir, read } = await createPlace()
    const asked: string[] = []
    const answers = ['http://no.example/x', repo, 'nothing', 'gitea', '', '-x', 'main', join(dir, 'srv'), '']
    const { err, code } = await init([], {
      prompt: (question) => {
        asked.push(question)
        return Promise.resolve(answers.shift() ?? null)
      },
    })
    expect(code).toBe(0)
    expect(asked).toHaveLength(9)
    expect(asked[4]).toBe('What is it called here [blog]: ')
    expect(err).toContain('the clone URL uses http://, which is not allowed')
    expect(err).toContain('one of github, gitlab, gitea')
    expect(await read('deploy.yml')).toContain('  gitea: # served at POST /hooks/gitea')
  })

  it('leaves nothing behind when it is left', async () => {
    const { init, dir } = await createPlace()
    const left = await init([], { prompt: () => Promise.resolve(null) })
    expect(left).toMatchObject({ code: 130, err: 'deployhook: left; nothing was written\n' })
    expect(await readdir(join(dir, 'etc'))).toEqual([])
  })

  it.each([
    [[], '--repo URL'],
    [['--repo', 'https://git.example.com/acme/blog.git'], 'it must be said: --provider'],
    [['--repo', 'nonsense'], '--repo: the clone URL is not a clone URL'],
    [['--repo', 'https://github.com/a/b', '--app', 'No'], '--app: a name is lower-case letters'],
    [['--repo', 'https://github.com/a/b', '--branch', '-x'], '--branch: a branch name cannot start with -'],
    [['--repo', 'https://github.com/a/b', '--public-url', 'x'], '--public-url: write it like https://'],
    [['--repo', 'https://github.com/a/b', '--make-key'], 'are for a repository by ssh'],
    [['--repo', 'git@github.com:a/b', '--make-key', '--ssh-key', 'x'], 'not both'],
    [['--repo', 'git@github.com:a/b', '--git-token-file', 'x'], 'by https'],
    [['--repo', 'https://github.com/a/b', '--credential', '../x'], '--credential is a name'],
    [['--repo', 'https://github.com/a/b', '--step', ' '], 'A step is a command'],
    [['--repo', 'https://github.com/a/b', '--user', 'no-such-user'], 'no-such-user'],
  ])('says what is missing or wrong of %j when there is nobody to ask', async (argv, said) => {
    const { init, dir } = await createPlace()
    const { err, code } = await init(argv)
    expect(err).toContain(said)
    expect(code).toBe(2)
    expect(await readdir(join(dir, 'etc'))).toEqual([])
  })

  it('leaves a deploy.yml that is there alone, and says what to add', async () => {
    const { init, repo, dir, read } = await createPlace()
    const flags = ['--repo', repo, '--provider', 'github', '--path', join(dir, 'srv'), '--step', 'true']
    expect((await init(flags)).code).toBe(0)
    const [before, secret] = [await read('deploy.yml'), await read('github.secret')]

    const again = await init([...flags, '--app', 'shop'])
    expect(again.code).toBe(1)
    expect(again.err).toContain('is there already, and stays as it is')
    expect(again.out).toContain('Add this to it:\n\napps:\n  shop:\n')
    expect(again.out).not.toContain('webhooks:')
    expect((await init([...flags, '--app', 'shop', '--provider', 'gitlab'])).out).toContain('webhooks:\n  gitlab:')
    expect((await init(flags)).out).toContain('it has an app blog already')
    expect(await read('deploy.yml')).toBe(before)

    const forced = await init([...flags, '--app', 'shop', '--force'])
    expect(forced.code).toBe(0)
    expect(await read('deploy.yml')).toContain('  shop:\n')
    expect(await read('deploy.yml.20261124T120000Z')).toBe(before)
    expect(await read('github.secret')).toBe(secret)
    expect(forced.out).toContain('the secret is the one that was in')
  })

  it('says how to make what the addition names', async () => {
    const { init, repo, dir } = await createPlace()
    expect((await init(['--repo', repo, '--provider', 'github', '--path', join(dir, 'srv')])).code).toBe(0)
    const flags = ['--repo', 'git@github.com:acme/shop.git', '--provider', 'gitlab', '--make-key', '--no-git-check']
    const { out } = await init(flags)
    const [key, secret] = [join(dir, 'etc/shop.key'), join(dir, 'etc/gitlab.secret')]
    expect(out).toContain(`ssh_key: ${key}`)
    expect(out).toContain(`ssh-keygen -t ed25519 -N '' -f ${key}`)
    expect(out).toMatch(new RegExp(`umask 077; .* > ${secret}\\)`))
  })

  it('tells in its help what it takes where a flag is left out', async () => {
    const { init } = await createPlace()
    expect((await init(['--help'])).out).toContain('(default: a guess from the files in')
    expect((await init(['--help'])).out).not.toContain('[]')
  })

  it('writes nothing when the daemon would not take it', async () => {
    const { init, repo, dir } = await createPlace()
    const { err, code } = await init(['--repo', repo, '--provider', 'github', '--path', '/'])
    expect(code).toBe(1)
    expect(err).toContain('so nothing was written')
    expect(await readdir(join(dir, 'etc'))).toEqual([])
  })

  it('hands the secret over as a credential of systemd', async () => {
    const { init, repo, dir, read } = await createPlace()
    const { out, err, code } = await init([
      '--repo',
      repo,
      '--provider',
      'github',
      '--path',
      join(dir, 'srv'),
      '--credential',
      'hook',
    ])
    expect([code, err]).toEqual([0, ''])
    expect(await read('deploy.yml')).toContain('secret: { credential: hook }')
    const file = join(dir, 'etc/github.secret')
    expect(out).toContain(`LoadCredential=hook:${file}`)
    expect(out).toContain(`systemd-creds encrypt --name=hook ${file} ${file}.cred`)
    expect(out).toContain(`LoadCredentialEncrypted=hook:${file}.cred`)
  })

  it.skipIf(uid !== 0)(
    'gives what the daemon reads to the user that runs it, and that user nothing to write',
    async () => {
      const { init, repo, dir } = await createPlace()
      const flags = ['--repo', repo, '--provider', 'github', '--path', join(dir, 'srv'), '--step', 'true']
      const { out, code } = await init([...flags, '--user', 'nobody'])
      expect(code).toBe(0)
      expect(out).not.toContain('would run as root')
      const [secret, map] = await Promise.all(
        ['github.secret', 'deploy.yml'].map((name) => stat(join(dir, 'etc', name))),
      )
      expect([secret?.uid, (secret?.mode ?? 0) & 0o777]).toEqual([65534, 0o600])
      expect([map?.uid, map?.gid, (map?.mode ?? 0) & 0o777]).toEqual([0, 65534, 0o640])
      expect(out).toContain(`install -d -o nobody ${join(dir, 'srv')}`)

      const more = ['--app', 'shop', '--provider', 'gitlab', '--user', 'nobody']
      const added = (await init([...flags, ...more])).out
      expect(added).toContain(`gitlab.secret) && chown nobody ${join(dir, 'etc/gitlab.secret')}`)
      expect(added).toContain(`install -d -o nobody ${join(dir, 'srv')}`)
      expect(added).toContain('then: runuser -u nobody -- deployhook check')
    },
  )

  it('guesses the steps from a clone that is there', async () => {
    const { init, repo, dir, read } = await createPlace()
    await mkdir(join(dir, 'srv'))
    await writeFile(join(dir, 'srv/package-lock.json'), '{}')
    await writeFile(join(dir, 'srv/package.json'), '{"scripts":{"build":"x"}}')
    expect((await init(['--repo', repo, '--provider', 'github', '--path', join(dir, 'srv')])).code).toBe(0)
    expect(await read('deploy.yml')).toContain('    steps:\n      - npm ci\n      - npm run build\n')
  })
})

describe('the repository that deployhook init asks', () => {
  it('has another branch: the only one is taken, unless one was said', async () => {
    const { init, repo, dir, read } = await createPlace('trunk')
    const flags = ['--repo', repo, '--provider', 'github', '--path', join(dir, 'srv')]
    const said = await init([...flags, '--branch', 'main'])
    expect(said.code).toBe(1)
    expect(said.out).toContain('has no branch main (there is trunk)')
    expect((await init([...flags, '--force'])).out).toContain('and has the branch trunk')
    expect(await read('deploy.yml')).toContain('    branch: trunk')
  })

  it('is not there: it is told, and deploy.yml is written all the same', async () => {
    const { init, dir, read } = await createPlace()
    const { out, code } = await init([
      '--repo',
      join(dir, 'nothing.git'),
      '--provider',
      'github',
      '--path',
      join(dir, 'srv'),
    ])
    expect(code).toBe(1)
    expect(out).toContain('the repository cannot be deployed yet')
    expect(out).toContain('There is no such repository')
    expect(await read('deploy.yml')).toContain('nothing.git')
  })

  it('is reached by a deploy key that is made here, whose public half is shown', async () => {
    const { init, dir, read } = await createPlace()
    const flags = ['--repo', 'ssh://git@127.0.0.1:1/acme/blog.git', '--provider', 'gitea', '--path', join(dir, 'srv')]
    const made = await init([...flags, '--make-key'])
    expect(made.code).toBe(1)
    const key = join(dir, 'etc/blog.key')
    expect((await stat(key)).mode & 0o777).toBe(0o600)
    const publicLine = (await read('blog.key.pub')).trim()
    expect(publicLine).toMatch(/^ssh-ed25519 \S+ deployhook blog on /)
    expect(made.out).toContain(publicLine)
    expect(made.out).toContain('deploy keys, without write access')
    expect(made.out).not.toContain('PRIVATE KEY')
    expect(made.out).toContain('cannot be reached')
    expect(await read('deploy.yml')).toContain(`ssh_key: ${key}`)

    const { out } = await init([...flags, '--make-key', '--force', '--json', '--no-git-check'])
    expect(JSON.parse(out)).toMatchObject({ deployKey: { file: key, public: publicLine }, git: { asked: false } })
  })

  it('makes a deploy key through no link that somebody has put in its place', async () => {
    const { init, dir, read } = await createPlace()
    const [key, elsewhere] = [join(dir, 'etc/blog.key'), join(dir, 'elsewhere')]
    await symlink(elsewhere, key)
    const flags = ['--repo', 'ssh://git@127.0.0.1:1/acme/blog.git', '--provider', 'gitea', '--path', join(dir, 'srv')]
    const { err, code } = await init([...flags, '--make-key', '--no-git-check'])
    expect(err).toContain(`${key} is there already, without ${key}.pub`)
    expect(code).toBe(1)
    await expect(readFile(elsewhere)).rejects.toThrow('ENOENT')
    expect(await readdir(join(dir, 'etc'))).toEqual(['blog.key'])
    await unlink(key)
    await symlink(elsewhere, `${key}.pub`)
    expect((await init([...flags, '--make-key', '--no-git-check'])).code).toBe(1)
    expect(await readdir(join(dir, 'etc'))).toEqual(['blog.key.pub'])
    await expect(read('blog.key')).rejects.toThrow('ENOENT')
  })

  it('wants a key that is not there yet: that is told, with how to make it', async () => {
    const { init, dir, read } = await createPlace()
    const key = join(dir, 'no.key')
    const flags = ['--repo', 'git@github.com:acme/blog.git', '--path', join(dir, 'srv')]
    const { out, code } = await init([...flags, '--ssh-key', key])
    expect(code).toBe(1)
    expect(out).toContain(`git.ssh_key: there is no file ${key}. Make a key with ssh-keygen`)
    expect(await read('deploy.yml')).toContain(`ssh_key: ${key}`)
  })

  it('wants a token that is not there: nothing is written', async () => {
    const { init, dir } = await createPlace()
    const flags = ['--repo', 'https://github.com/acme/blog.git', '--path', join(dir, 'srv')]
    const { err, code } = await init([...flags, '--git-token-file', 'no.token'])
    expect(err).toContain('no.token does not exist')
    expect(code).toBe(1)
    expect(await readdir(join(dir, 'etc'))).toEqual([])
  })
})
