import { describe, expect, it } from 'vitest'
import { providers } from '../../src/providers/index.ts'
import type { Parsed, Provider } from '../../src/providers/provider.ts'
import { parsed, sentBy } from './fixtures.ts'

const sha = 'b'.repeat(40)

/** A push as each provider writes it: the fields that decide, and where the rest stands. */
type Dialect = {
  readonly provider: Provider
  readonly event: string
  readonly secret: string
  readonly project: string
  readonly name: string
  readonly urls: readonly string[]
  readonly pusher: (name: unknown) => object
  readonly message: (text: unknown) => object
}

/** The hosts that write alike; of every host's own words nested.test.ts and contract.test.ts tell. */
const dialects: readonly Dialect[] = [
  {
    provider: providers.github,
    event: 'push',
    secret: 'hub-secret-for-tests',
    project: 'repository',
    name: 'full_name',
    urls: ['clone_url', 'ssh_url', 'html_url'],
    pusher: (name: unknown) => ({ pusher: { name } }),
    message: (text: unknown) => ({ head_commit: { message: text, author: { name: text } } }),
  },
  {
    provider: providers.gitlab,
    event: 'push',
    secret: 'lab-token-for-tests',
    project: 'project',
    name: 'path_with_namespace',
    urls: ['git_http_url', 'git_ssh_url', 'web_url'],
    pusher: (name: unknown) => ({ user_username: name }),
    message: (text: unknown) => ({ checkout_sha: sha, commits: [{ id: sha, message: text, author: { name: text } }] }),
  },
  ...[
    { provider: providers.gitea, secret: 'tea-secret-for-tests', event: 'push', head: 'head_commit' },
    { provider: providers.forgejo, secret: 'forge-secret-for-tests', event: 'push', head: 'head_commit' },
    { provider: providers.gogs, secret: 'gogs-secret-for-tests', event: 'push', head: 'commits' },
    { provider: providers.gitee, secret: 'gitee-secret-for-tests', event: 'push_hooks', head: 'head_commit' },
  ].map(({ head, ...one }) => ({
    ...one,
    project: 'repository',
    name: 'full_name',
    urls: ['clone_url', 'ssh_url', 'html_url'],
    pusher: (name: unknown) => ({ pusher: { username: name } }),
    message: (text: unknown) => {
      const commit = { message: text, author: { name: text } }
      return { [head]: head === 'commits' ? [commit] : commit }
    },
  })),
]

const long = 'x'.repeat(1_000_000)
const wrong: readonly unknown[] = [undefined, null, 7, true, {}, [], ['refs/heads/main'], '', long]

describe.each(dialects)(
  'a push in the words of $name',
  ({ provider, event, secret, project, name, urls, pusher, message }) => {
    const right = {
      object_kind: 'push',
      hook_name: 'push_hooks',
      ref: 'refs/heads/main',
      before: 'a'.repeat(40),
      after: sha,
      [project]: { [name]: 'Acme/Blog' },
    }
    const read = (change: object): Parsed =>
      parsed(provider, sentBy(provider, { ...right, ...change }, { secret, event }), secret)
    const push = (change: object): object => {
      const answer = read(change)
      if (answer.kind !== 'pushes') expect.fail(JSON.stringify(answer))
      return answer.pushes[0] ?? {}
    }
    const problem = (change: object): string => {
      const answer = read(change)
      return answer.kind === 'malformed' ? answer.problem : answer.kind
    }

    it('is a push with nothing but what decides', () => {
      expect(push({})).toEqual({
        repository: 'Acme/Blog',
        names: ['acme/blog'],
        app: null,
        ref: 'refs/heads/main',
        before: 'a'.repeat(40),
        after: sha,
        deleted: false,
        forced: null,
        headCommit: null,
        pusher: null,
      })
    })

    it.each(wrong)('is malformed when a field that decides is %j', (value) => {
      expect(problem({ ref: value })).toBe('ref: must be a full ref name such as refs/heads/main')
      expect(problem({ before: value })).toBe('before: must be a commit id: 40 or 64 lower-case hex digits')
      expect(problem({ after: value })).toBe('after: must be a commit id: 40 or 64 lower-case hex digits')
      expect(problem({ [project]: { [name]: value } })).toBe(
        `${project}.${name}: must be a repository name such as acme/blog, of at most 512 characters`,
      )
    })

    it.each([undefined, null, 7, true, [], '', long])('is malformed when the repository is %j', (value) => {
      expect(problem({ [project]: value })).toMatch(new RegExp(`^${project}: must be an object$`))
    })

    it.each([
      'main',
      'HEAD',
      'refs/heads/',
      'refs/heads//x',
      'heads/main',
      'refs/heads/a..b',
      'refs/heads/a b',
      'refs/heads/x\n',
      'refs/heads/\ud800',
    ])('is malformed when the ref is %j, which is never mended', (ref) => {
      expect(problem({ ref })).toBe('ref: must be a full ref name such as refs/heads/main')
    })

    it.each([
      'refs/tags/v1',
      'refs/pull/1/head',
      'refs/heads/x;touch${IFS}/tmp/PWN;#',
      'refs/heads/größe',
      'refs/heads/-f',
      'refs/heads/refs/heads/main',
    ])('keeps the ref %j as it is', (ref) => {
      expect(push({ ref })).toMatchObject({ ref })
    })

    it.each([
      'b'.repeat(39),
      'b'.repeat(41),
      'b'.repeat(63),
      'b'.repeat(65),
      'B'.repeat(40),
      `${sha}\n`,
      ` ${sha}`,
      'g'.repeat(40),
      '0'.repeat(39),
      '0'.repeat(41),
      'HEAD',
    ])('is malformed when a commit id is %j', (id) => {
      expect(problem({ after: id })).toBe('after: must be a commit id: 40 or 64 lower-case hex digits')
      expect(problem({ before: id })).toBe('before: must be a commit id: 40 or 64 lower-case hex digits')
    })

    it('takes SHA-256 ids, and zeros of either length for a commit that is not there', () => {
      expect(push({ before: 'a'.repeat(64), after: 'b'.repeat(64) })).toMatchObject({
        before: 'a'.repeat(64),
        after: 'b'.repeat(64),
      })
      // Not both at once: so looks the test that Gitea's form sends.
      for (const length of [40, 64]) {
        expect(push({ before: '0'.repeat(length) })).toMatchObject({ before: null, after: sha })
        expect(push({ after: '0'.repeat(length) })).toMatchObject({ before: 'a'.repeat(40), after: null })
      }
    })

    it('knows its repository by every URL it names, once, in one spelling', () => {
      const [http = '', ssh = '', web = ''] = urls
      const named = {
        [name]: 'Acme/Blog',
        [http]: 'http://Git.Example/Acme/Blog.git',
        [ssh]: 'git@git.example:Acme/Blog.git',
        [web]: 'https://git.example/acme/blog/',
      }
      expect(push({ [project]: named })).toMatchObject({
        repository: 'Acme/Blog',
        names: ['git.example/acme/blog', 'acme/blog'],
      })
    })

    it('is known by the path of a repository on this very host, as deploy.yml may name it', () => {
      for (const field of urls) {
        for (const url of ['file:///srv/git/blog.git', '/srv/git/blog.git']) {
          const pushed = push({ [project]: { [name]: 'Acme/Blog', [field]: url } })
          expect(pushed).toMatchObject({ names: ['file:/srv/git/blog', 'acme/blog'] })
        }
      }
    })

    it.each([
      'ext::sh -c touch% /tmp/PWN',
      '-oProxyCommand=touch /tmp/PWN',
      'https://user:password@git.example/acme/blog.git',
      'https://',
      '',
      null,
    ])('is known by no URL such as %j', (url) => {
      for (const field of urls) {
        expect(push({ [project]: { [name]: 'Acme/Blog', [field]: url } })).toMatchObject({ names: ['acme/blog'] })
      }
    })

    it.each([7, {}, [], long])('is malformed when a URL of the repository is %j', (value) => {
      for (const field of urls) {
        expect(problem({ [project]: { [name]: 'Acme/Blog', [field]: value } })).toBe(
          `${project}.${field}: must be a URL of at most 2048 characters`,
        )
      }
    })

    it.each(['acme blog', 'acme/blog\n', 'acme/\u001b[31m', 'acme/\u202eblog', 'acme/\ud800', 'x'.repeat(513)])(
      'has no repository called %j',
      (text) => {
        expect(problem({ [project]: { [name]: text } })).toMatch(`${project}.${name}: must be a repository name`)
      },
    )

    it('does not take a look-alike letter for the real one', () => {
      expect(push({ [project]: { [name]: '\u0430cme/blog' } })).toMatchObject({ names: ['\u0430cme/blog'] })
    })

    it('keeps what people typed as they typed it, but no more than 65,536 characters of a message and 256 of a name', () => {
      const typed = '\u001b[31m<b>[skip ci]</b>\u202e\u0000'
      expect(push({ ...pusher(typed), ...message(typed) })).toMatchObject({
        pusher: typed,
        headCommit: { message: typed, author: typed },
      })
      expect(push({ ...pusher(long), ...message(long) })).toMatchObject({
        pusher: long.slice(0, 256),
        headCommit: { message: long.slice(0, 65_536), author: long.slice(0, 256) },
      })
      expect(push(message('\ud83e\udd89'.repeat(40_000)))).toMatchObject({
        headCommit: { message: '\ud83e\udd89'.repeat(32_768) },
      })
      expect(push(message(`x${'\ud83e\udd89'.repeat(40_000)}`))).toMatchObject({
        headCommit: { message: `x${'\ud83e\udd89'.repeat(32_767)}\ufffd` },
      })
    })

    it.each([undefined, null, 7, true, {}, []])(
      'loses nothing but the name when what only people read is %j',
      (value) => {
        expect(push({ ...pusher(value), ...message(value) })).toMatchObject({
          after: sha,
          pusher: null,
          headCommit: { message: '', author: null },
        })
        expect(push({ pusher: value, head_commit: value, commits: value })).toMatchObject({ after: sha, pusher: null })
      },
    )

    it.each([2 ** 53 + 1, -1, 1.5, 'x', null])('reads nothing from the id %j of a repository', (id) => {
      expect(push({ [project]: { id, [name]: 'Acme/Blog' } })).toEqual(push({}))
    })

    it('takes nothing from a prototype and gives nothing to one', () => {
      const { object_kind } = right
      const polluting = `{"object_kind":"${object_kind}","__proto__":${JSON.stringify({ ...right, polluted: 1 })},"constructor":{"prototype":{"polluted":1}}}`
      const answer = parsed(provider, sentBy(provider, Buffer.from(polluting), { secret, event }), secret)
      expect(answer).toMatchObject({ kind: 'malformed', problem: expect.stringMatching(/: must be/) as string })
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    })

    it('takes the last of a key given twice', () => {
      const twice = JSON.stringify(right).replace('"ref":', '"ref":"refs/heads/first","ref":')
      const answer = parsed(provider, sentBy(provider, Buffer.from(twice), { secret, event }), secret)
      expect(answer).toMatchObject({ kind: 'pushes', pushes: [{ ref: 'refs/heads/main' }] })
    })

    it('quotes nothing from the body when it is malformed', () => {
      const marked = 'pAyLoAd-VaLuE'
      for (const change of [
        { ref: marked },
        { after: marked },
        { [project]: marked },
        { [project]: { [name]: `${marked} ` } },
      ]) {
        expect(problem(change)).not.toContain(marked)
      }
      for (const text of [marked, `{"${marked}`, `{"object_kind":"push","ref":${marked}}`, `{"${marked}":1}`]) {
        const answer = parsed(provider, sentBy(provider, Buffer.from(text), { secret, event }), secret)
        expect(JSON.stringify(answer)).not.toContain(marked)
      }
    })
  },
)

describe('flags of a GitHub push', () => {
  const [provider, secret] = [providers.github, 'hub-secret-for-tests']
  const right = { ref: 'refs/heads/main', before: 'a'.repeat(40), after: sha, repository: { full_name: 'acme/blog' } }

  it.each([null, 'false', 0, {}, []])('are malformed when %j', (value) => {
    for (const flag of ['deleted', 'forced']) {
      const answer = parsed(provider, sentBy(provider, { ...right, [flag]: value }, { secret }), secret)
      expect(answer).toMatchObject({ kind: 'malformed', problem: `${flag}: must be true or false` })
    }
  })
})
