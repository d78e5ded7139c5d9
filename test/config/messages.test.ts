import { describe, expect, it } from 'vitest'
import { formatProblem } from '../../src/config/index.ts'
import { load, problemsOf, withApp, withServer } from './support.ts'

/** What a person reads: the whole text of every problem. Broken on purpose, one way each. */
const broken: Readonly<Record<string, string>> = {
  'an empty file': '# nothing yet\n',
  'a list instead of a map': '- blog\n',
  'a key that is spelled wrong': withApp('brnch: main'),
  'a key in the wrong place': withApp('max_running: 2'),
  'a plain-text secret': withApp().replace('{ env: SECRET }', 'correct-horse-battery'),
  'a secret that is not set': withApp().replace('SECRET', 'NOPE'),
  'a short secret': withApp().replace('SECRET', 'SHORT'),
  'a plain-text token': withApp('git: { token: ghp_0123456789abcdef }'),
  'a step that YAML takes for a map': withApp('steps: [npm ci, echo: hi]'),
  'a step that ends in a colon': withApp('steps:\n      - npm ci\n      - "echo done":'),
  'a step whose key is spelled wrong': withApp('steps: [{ rum: npm ci }]'),
  'no secret': withApp().replace('{ secret: { env: SECRET } }', '{}'),
  'a provider that is unknown': withApp().replace('{ secret:', '{ provider: gitlba, secret:'),
  'a user name beside a header': withApp().replace('github: {', 'azure: { username: ada, header: X-Deploy-Token,'),
  'a name that is no provider': withApp().replace('github:', 'company:'),
  'a text that YAML takes for a number': withApp('branch: 1e3'),
  'a number with a lost zero': withApp('branch: 0123'),
  'a text that other YAML takes for a boolean': withApp('env: { DEBUG: yes }'),
  'a duration without a unit': withApp('timeout: 30'),
  'a branch written as a ref': withApp('branch: refs/heads/main'),
  'a repository over http': withApp('repo: http://github.com/acme/blog.git'),
  'a password in the URL': withApp('repo: https://alice:hunter2@github.com/acme/blog.git'),
  'a token for an ssh repository': withApp('repo: git@github.com:acme/blog.git', 'git: { token: { env: TOKEN } }'),
  'a key for an https repository': withApp('git: { ssh_key: /etc/deployhook/key }'),
  'two apps in one directory': withApp() + '  shop: { repo: git@github.com:acme/shop.git, path: /srv/blog/ }\n',
  'an app inside another': withApp() + '  shop: { repo: git@github.com:acme/shop.git, path: /srv/blog/shop }\n',
  'the root directory': withApp('path: /'),
  'a webhook that is not there': withApp('webhook: githb'),
  'a tab': withApp('\tbranch: main'),
  'a quote that is not closed': withApp('branch: "main'),
  'a key written twice': withApp('branch: main', 'branch: trunk'),
  'an address without a port': withServer('listen: 127.0.0.1'),
  'a proxy that is everybody': withServer('trust_proxy: [0.0.0.0/0]'),
}

describe('what is said about a broken deploy.yml', () => {
  it.each(Object.entries(broken))('names place, fault and cure: %s', async (title, text) => {
    const told = await problemsOf(text)
    await expect(`${told}\n`).toMatchFileSnapshot(`./messages/${title.replaceAll(' ', '-')}.txt`)
    // The words of zod and of a JavaScript programmer.
    expect(told).not.toMatch(/invalid (input|key)|expected (string|object)|unrecognized|received|regex|undefined/i)
  })

  it('is everything at once, in the order of the file', async () => {
    const text = withApp('brnch: main', 'timeout: 5 minutes', 'env: { DEPLOYHOOK_X: "1" }', 'webhook: gitlab')
    const loaded = await load(text.replace('SECRET', 'SHORT') + 'server: { max_running: 0 }\nsevrer: {}\n')
    const told = loaded.kind === 'refused' ? loaded.problems.map(({ line, column, path }) => [line, column, path]) : []
    expect(told).toEqual([
      [2, 21, 'webhooks.github.secret'],
      [7, 5, 'apps.blog.brnch'],
      [8, 14, 'apps.blog.timeout'],
      [9, 12, 'apps.blog.env.DEPLOYHOOK_X'],
      [10, 14, 'apps.blog.webhook'],
      [11, 24, 'server.max_running'],
      [12, 1, 'sevrer'],
    ])
  })

  it('calls nothing missing that is there but wrong', async () => {
    const text = withApp('repo: 7', 'path: [srv]').replace('{ env: SECRET }', 'oops')
    const loaded = await load(text)
    const told = loaded.kind === 'refused' ? loaded.problems.map(({ path }) => path) : []
    expect(told).toEqual(['webhooks.github.secret', 'apps.blog.repo', 'apps.blog.path'])
  })

  it.each([
    ['where a secret belongs', withApp().replace('{ env: SECRET }', 'hunter2hunter2hunter2')],
    ['where a secret belongs, in quotes', withApp().replace('{ env: SECRET }', '"hunter2 hunter2 hunter2"')],
    [
      'in a list of secrets',
      withApp().replace('{ secret: { env: SECRET } }', '\n    secrets:\n      - hunter2hunter2'),
    ],
    [
      'under a key that is spelled wrong',
      withApp().replace('{ secret: { env: SECRET } }', '{ secrt: hunter2hunter2 }'),
    ],
    ['next to what is wrong', withApp().replace('{ secret: { env: SECRET } }', "{ secret: 'hunter2 x', foo: 1 }")],
    ['as a token', withApp('git: { token: hunter2hunter2 }')],
    ['in a clone URL', withApp('repo: https://me:hunter2@github.com/acme/blog')],
    ['in a text that is no YAML', withApp('git: { token: hunter2hunter2', 'branch: "main')],
  ])('does not hold a secret that was written %s', async (_, text) => {
    expect(text).toContain('hunter2')
    expect(await problemsOf(text)).not.toContain('hunter2')
  })

  it('does not hold the value of a secret that was found but refused', async () => {
    expect(await problemsOf(withApp().replace('SECRET', 'SHORT'))).not.toContain('hunter2')
  })

  it('cannot colour or move the cursor of a terminal', async () => {
    const escape = String.fromCharCode(27)
    const told = await problemsOf(withApp(`"br${escape}[31mnch": main`, `timeout: "\\e[2J"`))
    expect(told).not.toContain(escape)
    expect(told).toContain('br\ufffd[31mnch')
  })

  it('shows the part of a long line that matters, under its caret', async () => {
    const steps = Array.from({ length: 200 }, (_, index) => `step${index}`)
    const told = (await problemsOf(withApp(`steps: [${steps.join(', ')}, 7, ${steps.join(', ')}]`))).split('\n')
    expect(told[1]?.length).toBeLessThan(200)
    expect(told[1]?.[told[2]?.indexOf('^') ?? -1]).toBe('7')
  })

  it('puts the caret under the place also behind tabs', async () => {
    const told = (await problemsOf(withApp('env: {\tA: x,\tB: 7 }'))).split('\n')
    expect(told[2]).toBe('    |           \t     \t   ^')
  })

  it('is coloured only when asked for', async () => {
    const loaded = await load(withApp('brnch: main'))
    const [problem] = loaded.kind === 'refused' ? loaded.problems : []
    if (problem === undefined) throw new Error('expected a problem')
    expect(formatProblem(problem)).toBe(problem.text)
    expect(formatProblem(problem, { colour: true })).toContain(`${String.fromCharCode(27)}[31m^`)
  })
})
