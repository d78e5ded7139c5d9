import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { headsOf, makeFolder, mapOf, warningsOf, withApp } from './support.ts'

const badName = 'a name is 1 to 63 of a-z, 0-9, _ and -, and starts with a letter or digit'

describe('an app', () => {
  it.each(['..', 'a/b', 'Blog', 'blog.example', '-blog', '_blog', 'bl og', 'bücher', 'x'.repeat(64), 'x'.repeat(300)])(
    'is not called %s',
    async (name) => {
      const text = withApp().replace('  blog:', `  "${name}":`)
      expect(await headsOf(text)).toEqual([`4:3 apps.${name}: ${badName}`])
    },
  )

  it.each(['con', '0', 'a_b-c', 'x'.repeat(63), '1e3', 'no'])('may be called %s', async (name) => {
    expect([...(await mapOf(withApp().replace('  blog:', `  ${name}:`))).apps.keys()]).toEqual([name])
  })

  it('names one branch or globs, not both', async () => {
    expect(await headsOf(withApp('branch: main', 'tags: [v1]'))).toEqual([
      '7:5 apps.blog.branch: is one branch, and tags is here too: list it in branches, such as branches: [main]',
    ])
    expect(await headsOf(withApp() + 'defaults: { branch: main, branches: [next] }\n')).toEqual([
      '7:13 defaults.branch: is one branch, and branches is here too: list it in branches, such as branches: [main]',
    ])
  })

  it('replaces the branch of defaults by its globs, and the globs of defaults by its branch', async () => {
    const refs = async (own: string, defaults: string) => {
      const app = (await mapOf(withApp(own) + `defaults: { ${defaults} }\n`)).apps.get('blog')
      const texts = (globs: readonly { readonly text: string }[] = []) => globs.map(({ text }) => text)
      return [app?.branch, texts(app?.branches), texts(app?.tags)]
    }
    expect(await refs('branches: ["release/*"]', 'branch: trunk')).toEqual([null, ['release/*'], []])
    expect(await refs('branch: live', 'branches: [main], tags: ["v*"]')).toEqual(['live', [], []])
    expect(await refs('tags: ["v*"]', 'branches: [main]')).toEqual([null, [], ['v*']])
    expect(await refs('timeout: 5m', 'tags: ["v*"]')).toEqual([null, [], ['v*']])
  })

  it('needs a repo and a path, from itself or from defaults', async () => {
    expect(await headsOf('webhooks: { github: { secret: { env: SECRET } } }\napps: { blog: {} }\n')).toEqual([
      '2:9 apps.blog: has no repo: add its clone URL, such as repo: https://github.com/acme/blog.git',
      '2:9 apps.blog: has no path: add the directory to deploy to, such as path: /srv/blog',
    ])
  })

  it.each([
    ['branch: -x', 'a branch name cannot start with -'],
    ['branch: "--upload-pack=touch PWN"', 'a branch name cannot start with -'],
    ['branch: a..b', 'git does not allow this as a branch name'],
    ['branch: "feature/*"', 'git does not allow this as a branch name'],
    ['branch: "feature/*"', 'globs go into branches, such as branches: ["release/*"]'],
    ['branches: [-x]', 'matches nothing: git does not allow such names'],
    ['branches: ["a b"]', 'matches nothing: git does not allow such names'],
    ['branches: ["*.lock"]', 'matches nothing: git does not allow such names'],
    ['branches: ["refs/heads/*"]', 'give short names, such as release/*, not refs/heads/*'],
    ['branches: ["!main"]', 'begins with !, which works in paths only: name what is wanted'],
    ['branches: ["v[12]"]', 'has [ in it, which is no wildcard here'],
    ['branches: []', 'is empty: add an entry, or take the key out'],
    ['branches: main', 'must be a list'],
    ['tags: ["v**"]', 'has ** inside a part'],
    ['tags: ["v1/"]', 'ends with /: add ** for everything below it'],
    ['paths: ["/src/**"]', 'begins with /: take it away, names begin at the top'],
    ['paths: ["!src/"]', 'ends with /: add ** for everything below it'],
    ['skip: [" "]', 'is empty, and would skip every push: give a text'],
    ['branch: HEAD', 'HEAD is not a branch; name one, such as main'],
    ['repo: ext::sh', 'names a remote helper'],
    ['aliases: [blog]', '"blog" names no repository'],
    ['aliases: []', 'is empty: add an entry, or take the key out'],
    ['timeout: 0s', 'must be more than 0'],
    ['timeout: -1s', '"-1s" is not a duration'],
    ['timeout: 5 minutes', '"5 minutes" is not a duration'],
    ['timeout: 8d', 'must be at most 7d'],
    ['timeout: 1000000000000s', 'must be at most 7d'],
    ['timeout: 1e12', '"1000000000000" is not a duration'],
    ['concurrency_group: "a b"', badName],
    ['concurrency_group: ""', badName],
    ['was: [Blog]', badName],
    ['was: Blog', badName],
    ['was: 7', 'must be a string: quote it'],
    ['webhook: githb', 'there is no webhook "githb": did you mean "github"?'],
    ['webhook: gitlab-company', 'there is no webhook "gitlab-company" (there is github)'],
    ['git: { username: "a:b", token: { env: TOKEN } }', 'must be letters, digits and signs, without : and spaces'],
    ['git: { ssh_key: ~/.ssh/id }', '~ is not expanded here: write the whole path'],
    ['git: { shh_key: x }', 'there is no key "shh_key" here: did you mean "ssh_key"?'],
    ['keeps: 5', 'there is no key "keeps" here: did you mean "keep"?'],
    ['health: { http: http://127.0.0.1/, contain: ok }', 'there is no key "contain" here: did you mean "contains"?'],
  ])('is refused for %s', async (line, told) => {
    expect(await headsOf(withApp(line))).toEqual([expect.stringContaining(told)])
  })

  it.each([
    ['git@github.com:acme/blog.git', '{ token: { env: TOKEN } }', 'is for an https repository, but repo is ssh'],
    ['git@github.com:acme/blog.git', '{ username: me }', 'is for an https repository, but repo is ssh'],
    ['https://github.com/acme/blog', '{ ssh_key: /k }', 'is for an ssh repository, but repo is https'],
    ['https://github.com/acme/blog', '{ known_hosts: /k }', 'is for an ssh repository, but repo is https'],
    ['/srv/git/blog.git', '{ token: { env: TOKEN } }', 'is for an https repository, but repo is local'],
    ['file:///srv/git/blog.git', '{ ssh_key: /k }', 'is for an ssh repository, but repo is local'],
  ])('of %s has no use for git: %s', async (repo, git, told) => {
    expect(await headsOf(withApp(`repo: ${repo}`, `git: ${git}`))).toContainEqual(expect.stringContaining(told))
  })

  it('is warned about a key file that ssh will not use, and deployed nevertheless', async () => {
    const folder = await makeFolder()
    await writeFile(join(folder, 'open'), 'key', { mode: 0o644 })
    const app = (key: string): string => withApp('repo: git@github.com:acme/blog.git', `git: { ssh_key: ${key} }`)
    expect(await warningsOf(app(join(folder, 'gone')))).toContain('apps.blog.git.ssh_key: gone does not exist')
    expect(await warningsOf(app(join(folder, 'open')))).toContain(
      'others may read open, so ssh will not use it: chmod 600',
    )
  })

  it.each([
    [
      '{ was: [blog] }',
      'apps.shop.was[0]: there still is an app "blog": only the name of one that is gone can be taken over',
    ],
    ['{ was: shop }', 'apps.shop.was: is the name that the app has now: take it out'],
    ['{ was: [shop] }', 'apps.shop.was[0]: is the name that the app has now: take it out'],
    ['{ was: [old, old] }', 'apps.shop.was[1]: the history of "old" goes to shop already: it can go to one app'],
  ])('takes over only names that are free: %s', async (entry, told) => {
    const text = `${withApp()}  shop: ${entry.replace('{', '{ repo: /srv/git/shop, path: /srv/shop,')}\n`
    expect(await headsOf(text)).toEqual([expect.stringContaining(told)])
  })

  it('takes over a name that no other app takes', async () => {
    const text = `${withApp('was: [old]')}  shop: { repo: /srv/git/shop, path: /srv/shop, was: [old] }\n`
    expect(await headsOf(text)).toEqual([
      expect.stringContaining('apps.shop.was[0]: the history of "old" goes to blog already'),
    ])
  })
})

describe('a step', () => {
  it.each([
    ['steps: [""]', 'apps.blog.steps[0]: is empty: write a command, or take the step out'],
    ['steps: ["  "]', 'apps.blog.steps[0]: is empty: write a command, or take the step out'],
    ['steps: [["", a]]', 'apps.blog.steps[0]: the first entry, the program, is empty'],
    ['steps: [[npm, 7]]', 'apps.blog.steps[0][1]: must be a string: quote it ("7")'],
    ['steps: [7]', 'apps.blog.steps[0]: must be a string: quote it ("7")'],
    ['steps: [{ name: x }]', 'apps.blog.steps[0].run: is missing'],
    ['steps: [{ run: [] }]', 'apps.blog.steps[0].run: is empty: add an entry, or take the key out'],
    ['steps: [{ run: make, shell: zsh }]', 'apps.blog.steps[0].shell: must be sh or bash'],
    ['steps: [{ run: make, timeout: 10 }]', 'apps.blog.steps[0].timeout: "10" is not a duration'],
    [
      'steps: [{ run: make, cwd: /srv }]',
      'apps.blog.steps[0].cwd: must be a directory of the repository, without the / in front',
    ],
    [
      'steps: [{ run: make, cwd: ../x }]',
      'apps.blog.steps[0].cwd: must stay inside the repository: it leads out of it by ..',
    ],
    [
      'steps: [{ run: make, cwd: a/../../x }]',
      'apps.blog.steps[0].cwd: must stay inside the repository: it leads out of it by ..',
    ],
    [
      'steps: [{ run: make, cwd: ".." }]',
      'apps.blog.steps[0].cwd: must stay inside the repository: it leads out of it by ..',
    ],
    ['steps: [{ run: make, cwd: "" }]', 'apps.blog.steps[0].cwd: is empty'],
    ['steps: [{ run: make, name: "a\\nb" }]', 'apps.blog.steps[0].name: must be one line of text'],
    [
      'steps: [{ run: make, comand: x }]',
      'apps.blog.steps[0].comand: there is no key "comand" here (there is name, run, shell, timeout, env, cwd, background)',
    ],
    [
      'steps: [{ run: make, env: { 1A: x } }]',
      'apps.blog.steps[0].env.1A: the name of an environment variable is letters, digits and _',
    ],
  ])('is refused for %s', async (line, told) => {
    expect(await headsOf(withApp(line))).toEqual([expect.stringContaining(told)])
  })

  it.each(['a/../b', 'a/..', './a//b/'])('may run in %s, which stays inside', async (cwd) => {
    expect(await headsOf(withApp(`steps: [{ run: make, cwd: ${cwd} }]`))).toEqual([])
  })
})

describe('the environment of an app', () => {
  it.each([
    ['"A=B": x', 'the name of an environment variable is letters, digits and _, not starting with a digit'],
    ['"": x', 'the name of an environment variable is letters, digits and _, not starting with a digit'],
    ['A-B: x', 'the name of an environment variable is letters, digits and _, not starting with a digit'],
    ['DEPLOYHOOK_REVISION: x', 'names that start with DEPLOYHOOK_ are set by deployhook itself: choose another'],
    ['deployhook_x: x', 'names that start with DEPLOYHOOK_ are set by deployhook itself: choose another'],
    ['PORT: 8080', 'must be a string: quote it ("8080")'],
    ['A: { env: SECRET, x: y }', 'there is no key "x" here (there is env, file, credential)'],
    [
      'A: { env: SECRET, file: x }',
      'give exactly one of { env: NAME }, { file: PATH } or { credential: NAME }, with a text',
    ],
  ])('is refused for %s', async (entry, told) => {
    expect(await headsOf(withApp(`env: { ${entry} }`))).toEqual([expect.stringContaining(told)])
  })
})

describe('a file', () => {
  it('is told when no webhook hears of pushes', async () => {
    expect(await warningsOf('apps: { blog: { repo: /srv/git/blog, path: /srv/blog } }\n')).toContain(
      'webhooks: there is no webhook: nothing that is pushed will be heard of',
    )
  })

  it('must have apps', async () => {
    expect(await headsOf('webhooks: { github: { secret: { env: SECRET } } }\n')).toEqual(['1:1 apps: is missing'])
  })
})
