import { describe, expect, it } from 'vitest'
import { headsOf, load, mapOf, problemsOf, withApp, withServer } from './support.ts'

describe('text that YAML may take for something else', () => {
  it.each([
    '1e3',
    '0123',
    '1.10',
    '0x1F',
    '0o17',
    '.inf',
    'true',
    'null',
    '~',
    'yes',
    'No',
    'on',
    'OFF',
    '12:30',
    '2025-01-31',
    '2025-01-31 10:00:00',
    '1_000',
  ])('has to be quoted: %s', async (text) => {
    expect(await headsOf(withApp(`branch: ${text}`))).toEqual([
      `7:13 apps.blog.branch: must be a string: quote it ("${text}")`,
    ])
    expect((await mapOf(withApp(`branch: "${text.replaceAll(/^[.~]|[ :]/g, 'x')}"`))).apps.size).toBe(1)
  })

  it.each(['1.10.2', 'v1', 'yes-please', '10-2025', 'none', 'y', '1e3x', 'release/2025-01-31'])(
    'may stay as it is when no YAML mistakes it: %s',
    async (text) => {
      expect((await mapOf(withApp(`branch: ${text}`))).apps.get('blog')?.branch).toBe(text)
    },
  )

  it('is empty when a key has no value', async () => {
    expect(await headsOf(withApp('branch:'))).toEqual([
      '7:5 apps.blog.branch: is empty: give it a value, or take the key out',
    ])
  })

  it.each([
    ['branch: [main]', '7:13 apps.blog.branch: must be a text, not a list'],
    ['branch: { a: b }', '7:13 apps.blog.branch: must be a text, not a map'],
    ['steps: npm ci', '7:12 apps.blog.steps: must be a list'],
    ['steps: { a: b }', '7:12 apps.blog.steps: must be a list, not a map'],
    ['steps: [[]]', '7:13 apps.blog.steps[0]: is empty: add an entry, or take the key out'],
    ['adopt: "true"', '7:12 apps.blog.adopt: must be true or false'],
    ['adopt: yes', '7:12 apps.blog.adopt: must be true or false'],
    ['env: [A=b]', '7:10 apps.blog.env: must be a map of keys and values, not a list'],
    [
      'env: { A: [b] }',
      '7:15 apps.blog.env.A: must be { env: NAME }, { file: PATH } or { credential: NAME }, not a list',
    ],
    ['git: main', '7:10 apps.blog.git: must be a map of keys and values'],
    ['on_interrupt: retry', '7:19 apps.blog.on_interrupt: must be requeue or stop'],
    ['strategy: release', '7:15 apps.blog.strategy: must be in-place or releases: did you mean "releases"?'],
  ])('is of the kind that the key wants: %s', async (line, told) => {
    expect(await headsOf(withApp(line))).toContain(told)
  })

  it('may hold ${NAME} anywhere, which is never replaced by anything', async () => {
    const app = (await mapOf(withApp('env: { A: "${SECRET}" }'))).apps.get('blog')
    expect(app?.env.get('A')).toBe('${SECRET}')
  })
})

describe('YAML that can do more than deploy.yml needs', () => {
  const tag = 'a tag (!…) is not supported here: take it out, or quote text that starts with !'

  it.each([
    ['branch: !!js/function main', `7:27 apps.blog.branch: ${tag}`],
    ['branch: !!binary bWFpbg==', `7:22 apps.blog.branch: ${tag}`],
    ['branch: !!str 7', `7:19 apps.blog.branch: ${tag}`],
    ['branch: !mine main', `7:19 apps.blog.branch: ${tag}`],
    ['env: !!omap { A: b }', `7:10: ${tag}`],
    [
      '<<: { branch: main }',
      '7:5 apps.blog.<<: merge keys (<<) are not supported: use `defaults`, or an alias for a whole value',
    ],
    ['env: { __proto__: { a: b } }', '7:12 apps.blog.env.__proto__: "__proto__" is not allowed as a key'],
    ['"__proto__": { adopt: true }', '7:5 apps.blog.__proto__: "__proto__" is not allowed as a key'],
    ['env: { [a]: b }', '7:12 apps.blog.env: a key must be text: quote it'],
    ['env: { ~: b }', '7:12 apps.blog.env: a key must be text: quote it'],
    [
      'steps: *build',
      '7:12 apps.blog.steps: *build stands for nothing: no & of its name comes before it; quote text that starts with *',
    ],
    ['steps: &a [*a]', '7:16 apps.blog.steps[0][0]: an alias leads back to itself, or through too many others'],
    ['env: { A: "a\\0b" }', '7:15 apps.blog.env.A: holds a NUL character: take it out'],
    ['steps: ["a\\0b"]', '7:13 apps.blog.steps[0]: holds a NUL character: take it out'],
  ])('is refused with its place: %s', async (line, told) => {
    expect(await headsOf(withApp(line))).toEqual([told])
  })

  it('names both faults, and goes on with the rest of the file', async () => {
    const told = await headsOf(withApp('branch: !!binary eA==', 'timeout: 30'))
    expect(told.map((line) => line.split(' ')[1])).toEqual(['apps.blog.branch:', 'apps.blog.timeout:'])
  })

  it('knows no key that JavaScript objects have by themselves', async () => {
    for (const key of ['constructor', 'toString', 'hasOwnProperty']) {
      expect(await headsOf(withApp(`${key}: main`))).toEqual([expect.stringContaining(`there is no key "${key}" here`)])
      expect(await headsOf(withApp().replace('github: {', `${key}: {`))).not.toEqual([])
      expect(await headsOf(withApp(`webhook: constructor`))).toEqual([
        expect.stringContaining('there is no webhook "constructor"'),
      ])
    }
  })

  it.each([
    ['another YAML version', '%YAML 1.1\n---\n', 'the %YAML line asks for another version than 1.2: take it out'],
    ['two documents', 'apps: {}\n---\n', 'a second document begins here (---): deploy.yml holds one'],
  ])('is not read as something else by %s', async (_, before, told) => {
    expect(await headsOf(before + withApp('adopt: yes'))).toEqual([expect.stringContaining(told)])
  })
})

describe('text that is no YAML', () => {
  it.each([
    ['apps:\n\tblog: {}\n', '2:1: a tab cannot indent: use spaces'],
    [
      'apps:\n  a: {}\n b: {}\n',
      '3:1: the indentation does not fit: keys of one map, and items of one list, start in the same column (or is a bracket not closed?)',
    ],
    [
      'apps: {a: b: c}\n',
      '1:11: a block list or map cannot stand inside [ ] or { }: is a bracket not closed, or is there a ": " in a text without quotes?',
    ],
    ['apps: @home\n', '1:7: text cannot start with this character without quotes: quote the whole text'],
    ['apps:\n  a: "x\n', '3:1: a quote, bracket, comma, colon or space is missing here, or was not closed before'],
    [
      'apps: [a\n',
      '2:1: the indentation does not fit: keys of one map, and items of one list, start in the same column (or is a bracket not closed?)',
    ],
    [
      'apps: "\\q"\n',
      '1:8: a backslash in "…" begins an escape that does not exist: double the backslash, or use \'…\'',
    ],
  ])('is told with its place and cure: %j', async (text, told) => {
    expect(await headsOf(text)).toContain(told)
  })

  it.each([
    ['a NUL byte', Buffer.from('apps:\n  a\0b: {}\n'), '2:4: there is a NUL byte here: take it out'],
    [
      'Latin-1',
      Buffer.from('# Müller\napps: # ö\n', 'latin1'),
      '1:4: there is a byte here that is not UTF-8 (is it Latin-1?): save the file as UTF-8',
    ],
    ['UTF-16', Buffer.from('\ufeffapps: {}\n', 'utf16le'), '1:1: the file is UTF-16: save it as UTF-8'],
  ])('is told when the file holds %s', async (_, bytes, told) => {
    expect(await headsOf(bytes)).toEqual([told])
  })
})

describe('text made to cost much', () => {
  const letters = 'a b c d e f g h i j'.split(' ')
  const bomb =
    'a: &a [x,x,x,x,x,x,x,x,x]\n' +
    letters
      .map((letter, index) => `k${letter}: &${letters[index + 1] ?? 'z'} [${Array(9).fill(`*${letter}`).join(',')}]\n`)
      .join('')

  it.each([
    ['an alias bomb', bomb, 'aliases make too much of this file: write it out'],
    [
      'a chain of aliases',
      Array.from({ length: 5_000 }, (_, index) =>
        index === 0 ? 'k0: &k0 [1]' : `k${index}: &k${index} [*k${index - 1}]`,
      ).join('\n'),
      'through too many others',
    ],
    ['100,000 open lists', `apps: ${'['.repeat(100_000)}`, 'is nested too deep here for a deploy.yml'],
    ['100,000 open maps', '{a: '.repeat(100_000), 'is nested too deep here for a deploy.yml'],
    ['a deep list on one line', '- '.repeat(400_000), 'is nested too deep here for a deploy.yml'],
    [
      'a deep block',
      Array.from({ length: 1_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
      'is nested too deep here for a deploy.yml',
    ],
    ['10,000 documents', 'apps: {}\n---\n'.repeat(10_000), 'a second document begins here (---): deploy.yml holds one'],
    [
      '300,000 keys in one map',
      Array.from({ length: 300_000 }, (_, index) => `k${index}: 1`).join('\n'),
      'the file says too much',
    ],
    ['a million quotes', '"'.repeat(1_000_000), 'check quotes, brackets and the indentation'],
    ['a key of half a megabyte', `apps: {}\n${'brnch'.repeat(100_000)}: 1`, 'a key is longer than 1,024 characters'],
    ['more than 4 MiB', `# ${'x'.repeat(4 * 1_048_576)}`, 'is larger than 4 MiB, which is the limit'],
  ])('is refused, not worked off: %s', async (_, text, told) => {
    expect(await problemsOf(text)).toContain(told)
  })

  it('tells thousands of problems without ever showing more than an excerpt', async () => {
    const loaded = await load(
      `apps: { a: { ${Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join(', ')} } }`,
    )
    const problems = loaded.kind === 'refused' ? loaded.problems : []
    expect(problems.length).toBe(1_000)
    expect(Math.max(...problems.map(({ text }) => text.length))).toBeLessThan(1_000)
  })

  it('takes a map of 1,000 apps', async () => {
    const apps = Array.from(
      { length: 1_000 },
      (_, index) => `  app${index}: { repo: /srv/git/${index}, path: /srv/app/${index}, steps: [npm ci, npm test] }\n`,
    )
    expect(
      (await mapOf(withServer('max_running: 1').replace('apps:\n', () => `apps:\n${apps.join('')}`))).apps.size,
    ).toBe(1_001)
  })
})
