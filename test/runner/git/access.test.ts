import { execa } from 'execa'
import { readdirSync, readFileSync } from 'node:fs'
import { chmod, lstat, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/lib/secret.ts'
import type { App } from '../../../src/model/deploy-map.ts'
import { openAccess } from '../../../src/runner/access.ts'
import { prepareAskpass } from '../../../src/runner/askpass.ts'
import { sshCommand } from '../../../src/runner/ssh.ts'
import type { WorkspaceDeps } from '../../../src/runner/git-workspace.ts'
import { createApp, createGitWorld, failureIn, gitPath, type GitWorld } from './git-world.ts'
import { createHttpsHost, type HttpsHost } from './https-host.ts'

const token = 'tok-en with spaces&%/ü-0123456789'

describe('a private repository over https', () => {
  it('is fetched with the token, which no process ever carries and no file keeps', async () => {
    const leaks: string[] = []
    const seen = (): void => void leaks.push(...processesHolding(token))
    const { world, host, app, start } = await createPrivate({ seen })
    const pushed = await world.repository.push({ 'a.txt': '1' })
    const workspace = start({ GIT_SSL_CAINFO: host.certificate })
    expect(await workspace.fetch(app, world.context())).toEqual({ kind: 'tip', revision: pushed.after })
    expect(host.logins).toContain(`x-access-token:${token}`)
    expect(leaks).toEqual([])
    expect(await filesHolding(world.state, token)).toEqual([])
    expect(await readdir(join(world.state, 'askpass'))).toEqual(['askpass'])
  })

  it('is refused with a wrong token or none, and the message never holds it', async () => {
    const { world, host, app, start } = await createPrivate({})
    await world.repository.push({ 'a.txt': '1' })
    const workspace = start({ GIT_SSL_CAINFO: host.certificate })
    const wrong = new Secret('wrong-token-0123456789')
    const refused = failureIn(await workspace.fetch({ ...app, git: { ...app.git, token: wrong } }, world.context()))
    expect(refused.reason).toBe('auth')
    expect(refused.message).toMatch(/does not take the token/)
    expect(refused.message).toContain(app.repo.url)
    expect(refused.message).not.toContain(wrong.reveal())
    const none = failureIn(await workspace.fetch({ ...app, git: { ...app.git, token: null } }, world.context()))
    expect(none.reason).toBe('auth')
    expect(none.message).toMatch(/Give a token/)
  })

  it('is not found when it is not there, and told apart from a login that may not read it', async () => {
    const { world, host, app, start } = await createPrivate({})
    const workspace = start({ GIT_SSL_CAINFO: host.certificate })
    const missing = { ...createApp({ url: `${host.origin}/acme/missing.git`, path: app.path }), git: app.git }
    expect(failureIn(await workspace.fetch(missing, world.context())).reason).toBe('not_found')
    const forbidding = await createPrivate({ answer: () => ({ status: 403 }) })
    const forbidden = failureIn(
      await forbidding.start({ GIT_SSL_CAINFO: forbidding.host.certificate }).fetch(forbidding.app, world.context()),
    )
    expect(forbidden).toMatchObject({ reason: 'auth', message: expect.stringMatching(/may not read/) as string })
  })

  it('is not asked for anything when its certificate is not trusted', async () => {
    const { world, host, app, start } = await createPrivate({})
    const refused = failureIn(await start({}).fetch(app, world.context()))
    expect(refused.reason).toBe('tls')
    expect(host.logins).toEqual([])
  })

  it('does not give the token to another host that it redirects to', async () => {
    const { world, host: other, start } = await createPrivate({})
    const redirecting = await createPrivate({ answer: () => ({ status: 301, location: other.origin }) })
    await world.repository.push({ 'a.txt': '1' })
    const both = join(world.dir, 'both.pem')
    await writeFile(both, readFileSync(other.certificate, 'utf8') + readFileSync(redirecting.host.certificate, 'utf8'))
    const refused = failureIn(await start({ GIT_SSL_CAINFO: both }).fetch(redirecting.app, world.context()))
    expect(refused.reason).toBe('auth')
    expect(other.logins).toEqual([])
  })

  it('removes the login that a killed daemon left behind', async () => {
    const world = await createGitWorld()
    await world.repository.push({ 'a.txt': '1' })
    await world.write({ 'state/askpass/old.login': token })
    await world.fetchTip(world.app())
    expect(await readdir(join(world.state, 'askpass'))).toEqual(['askpass'])
  })
})

describe('the askpass helper', () => {
  it('answers for its own host alone, from a file that only its owner can read', async () => {
    const world = await createGitWorld()
    await mkdir(world.state)
    await prepareAskpass(world.state)
    const app = createApp({ url: 'https://git.example:8443/acme/blog.git', path: '/srv/blog' })
    const access = await openAccess({ ...app, git: { ...app.git, token: new Secret(token) } }, world.state)
    if (access.kind !== 'access') throw new Error(access.message)
    const helper = access.env['GIT_ASKPASS'] ?? ''
    const ask = async (question: string) =>
      (await execa(helper, [question], { env: access.env, extendEnv: false, reject: false })).stdout

    expect(await ask("Username for 'https://git.example:8443': ")).toBe('x-access-token')
    expect(await ask("Password for 'https://x-access-token@git.example:8443': ")).toBe(token)
    for (const question of [
      "Password for 'https://x-access-token@git.example': ",
      "Password for 'https://x-access-token@evil.example': ",
      "Password for 'https://git.example:8443.evil.example': ",
      "Password for 'http://x-access-token@git.example:8443': ",
      "Enter passphrase for key '/k': ",
    ]) {
      expect(await ask(question)).toBe('')
    }
    expect((await lstat(access.env['DEPLOYHOOK_LOGIN'] ?? '')).mode & 0o777).toBe(0o600)
    expect((await lstat(helper)).mode & 0o777).toBe(0o700)
    expect(JSON.stringify(access.env)).not.toContain(token)
    await access.close()
    expect(await ask("Username for 'https://git.example:8443': ")).toBe('')
  })
})

describe('a repository over ssh', () => {
  it('is reached with the deploy key and the known hosts alone, and no questions', async () => {
    const { world, start, key, knownHosts } = await createSsh(
      `echo "$*" > "$RECORD"; for last; do :; done; exec sh -c "$last"`,
    )
    const pushed = await world.repository.push({ 'a.txt': '1' })
    const app = createApp(
      { url: `ssh://git@git.example:2222${world.repository.bare}`, path: '/srv/x' },
      { git: gitAccess({ sshKey: key, knownHosts }) },
    )
    expect(await start().fetch(app, world.context())).toEqual({ kind: 'tip', revision: pushed.after })
    const argv = await world.read('record')
    expect(argv).toContain(`-oIdentityFile=${key}`)
    expect(argv).toContain(`-oUserKnownHostsFile=${knownHosts}`)
    for (const option of [
      'BatchMode=yes',
      'StrictHostKeyChecking=yes',
      'IdentitiesOnly=yes',
      'IdentityAgent=none',
      'ConnectTimeout=10',
    ]) {
      expect(argv).toContain(`-o${option}`)
    }
    expect(argv).toContain('-p 2222 git@git.example')
    expect(sshCommand({ sshKey: null, knownHosts: null })).not.toMatch(/Identit|KnownHostsFile/)
  })

  it.each(sshFailures())('says what is wrong: $name', async ({ says, url, reason, message, never }) => {
    const { world, start, key, knownHosts } = await createSsh(
      `printf '%s\\r\\n' ${says.map((line) => `'${line}'`).join(' ')} >&2; exit 255`,
    )
    const app = createApp({ url, path: '/srv/x' }, { git: gitAccess({ sshKey: key, knownHosts }) })
    const failure = failureIn(await start().fetch(app, world.context()))
    expect(failure.reason).toBe(reason)
    for (const part of message) expect(failure.message).toContain(part.replace('KNOWN', knownHosts))
    if (never !== undefined) expect(failure.message).not.toContain(never)
  })

  it('does not use a key that others can read, is missing, or has a name for a shell', async () => {
    const { world, start, key } = await createSsh('touch "$RECORD"; exit 255')
    const fetching = async (git: Partial<App['git']>) =>
      failureIn(
        await start().fetch(
          createApp({ url: 'git@github.com:acme/blog.git', path: '/srv/x' }, { git: gitAccess(git) }),
          world.context(),
        ),
      )
    await chmod(key, 0o644)
    expect(await fetching({ sshKey: key })).toMatchObject({
      reason: 'auth',
      message: expect.stringContaining(`chmod 600 ${key}`) as string,
    })
    expect(await fetching({ sshKey: world.path('none') })).toMatchObject({
      reason: 'auth',
      message: expect.stringContaining('ssh-keygen') as string,
    })
    const odd = world.path('k;touch PWN')
    await writeFile(odd, 'key', { mode: 0o600 })
    for (const path of [odd, `${world.dir}/%h`, `${world.dir}/$HOME`, `${world.dir}/a b`]) {
      expect(await fetching({ sshKey: path })).toMatchObject({
        reason: 'auth',
        message: expect.stringContaining('literally') as string,
      })
      expect(await fetching({ knownHosts: path })).toMatchObject({
        reason: 'host_key',
        message: expect.stringContaining('literally') as string,
      })
    }
    expect(await fetching({ knownHosts: world.path('none') })).toMatchObject({ reason: 'host_key' })
    expect(world.has('record')).toBe(false)
  })
})

type SshFailure = {
  name: string
  url: string
  says: readonly string[]
  reason: string
  message: readonly string[]
  never?: string
}

function sshFailures(): readonly SshFailure[] {
  const end = ['Host key verification failed.']
  const github = 'git@github.com:acme/blog.git'
  return [
    {
      name: 'the host key is not known',
      url: github,
      says: ['No ED25519 host key is known for github.com and you have requested strict checking.', ...end],
      reason: 'host_key',
      message: ['not known here', 'ssh-keyscan -p 22 github.com >> KNOWN', 'docs.github.com'],
    },
    {
      name: 'the host behind an alias is not known, on a port of its own',
      url: 'forge:acme/blog.git',
      says: ['No ED25519 host key is known for [git.example]:2222 and you have requested strict checking.', ...end],
      reason: 'host_key',
      message: ['ssh-keyscan -p 2222 git.example >> KNOWN', 'administrator'],
    },
    {
      name: 'the host key has changed',
      url: github,
      says: [
        '@@@@@@@@@',
        '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @',
        'Host key for github.com has changed and you have requested strict checking.',
        ...end,
      ],
      reason: 'host_key',
      message: ['another key', 'ssh-keygen -R github.com -f KNOWN', 'ssh-keyscan -p 22 github.com'],
      never: 'not known here',
    },
    {
      name: 'a host name that is no host name ends in no line to paste',
      url: github,
      says: ['No X host key is known for $(touch${IFS}PWN) and you have requested strict checking.', ...end],
      reason: 'host_key',
      message: ['ssh-keyscan -p 22 github.com >> KNOWN'],
    },
    {
      name: 'the key is not accepted',
      url: github,
      says: ['git@github.com: Permission denied (publickey).'],
      reason: 'auth',
      message: ['deploy key'],
    },
    {
      name: 'the key needs a passphrase',
      url: github,
      says: [
        'Load key "/k": incorrect passphrase supplied to decrypt private key',
        'git@github.com: Permission denied (publickey).',
      ],
      reason: 'auth',
      message: ['passphrase'],
    },
    {
      name: 'the repository is not there, or not for this key',
      url: github,
      says: ['ERROR: Repository not found.'],
      reason: 'not_found',
      message: ['private'],
    },
    {
      name: 'the same of GitLab',
      url: 'git@gitlab.com:acme/blog.git',
      says: [
        "remote: ERROR: The project you were looking for could not be found or you don't have permission to view it.".replaceAll(
          "'",
          '’',
        ),
        'remote: The project was not found',
      ],
      reason: 'not_found',
      message: ['private'],
    },
    {
      name: 'there is no such host',
      url: github,
      says: ['ssh: Could not resolve hostname github.com: Name or service not known'],
      reason: 'network',
      message: ['cannot be reached'],
    },
    {
      name: 'the host does not answer',
      url: github,
      says: ['ssh: connect to host github.com port 22: Connection timed out'],
      reason: 'network',
      message: ['cannot be reached'],
    },
  ]
}

function gitAccess(change: Partial<App['git']>): App['git'] {
  return { sshKey: null, knownHosts: null, token: null, username: 'x-access-token', ...change }
}

/** A git world whose `ssh` is a script of the test. */
async function createSsh(
  script: string,
): Promise<{ world: GitWorld; start: () => ReturnType<GitWorld['restarted']>; key: string; knownHosts: string }> {
  const world = await createGitWorld()
  const [key, knownHosts, ssh] = [world.path('id_deploy'), world.path('known_hosts'), world.path('bin/ssh')]
  await world.write({
    id_deploy: 'key',
    known_hosts: '',
    'bin/ssh': `#!/bin/sh\nRECORD=${world.path('record')}\n${script}\n`,
  })
  await chmod(key, 0o600)
  await chmod(ssh, 0o755)
  return { world, start: () => world.restarted({ path: `${world.path('bin')}:${gitPath}` }), key, knownHosts }
}

/** A host that wants the token, and an app that has it. */
async function createPrivate(options: {
  answer?: (login: string | null) => { status: number; location?: string } | null
  seen?: () => void
}): Promise<{
  world: GitWorld
  host: HttpsHost
  app: App
  start: (networkEnv: WorkspaceDeps['networkEnv'] & object) => ReturnType<GitWorld['restarted']>
}> {
  const world = await createGitWorld()
  const answer = (login: string | null) => (login === `x-access-token:${token}` ? null : { status: 401 })
  const host = await createHttpsHost({ dir: world.dir, root: world.path('git'), answer, ...options })
  const app = createApp(
    { url: `${host.origin}/acme/blog.git`, path: world.path('srv/blog') },
    { git: gitAccess({ token: new Secret(token) }) },
  )
  return { world, host, app, start: (networkEnv) => world.restarted({ networkEnv }) }
}

/** Command lines and environments of other processes that hold the text. */
function processesHolding(text: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) =>
      ['cmdline', 'environ'].filter((file) => holds(`/proc/${pid}/${file}`, text)).map((file) => `${pid} ${file}`),
    )
}

function holds(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8').includes(text)
  } catch {
    return false
  }
}

async function filesHolding(directory: string, text: string): Promise<readonly string[]> {
  const files = await readdir(directory, { recursive: true })
  return files.filter((name) => holds(join(directory, name), text))
}
