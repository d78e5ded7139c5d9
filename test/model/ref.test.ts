import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { branchOf, branchProblem, branchRef, isRefName } from '../../src/model/ref.ts'

describe('a ref name', () => {
  it('is judged as git judges it, for thousands of names made of what is difficult', async () => {
    const signs =
      "a B main x.lock .lock lock . / // @ @{ { } - -- ~ ^ : ? * [ ] \\ é e\u0301 🚀 ; $(x) ` ' | & < % # ! = ,"
    const piece = fc.constantFrom(...signs.split(' '), ' ', '\t', '\r', '\x01', '\x1f', '\x7f', '\u0080')
    const name = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => `refs/heads/${pieces.join('')}`)
    const refs = [...new Set(fc.sample(name, { numRuns: 8_000, seed: 20_251_104 }))].filter(
      (ref) => normalize(ref) === ref && !ref.endsWith('/'),
    )
    expect(refs.length).toBeGreaterThan(3_000)
    const allowed = await allowedByGit(refs)
    expect(allowed.size).toBeGreaterThan(500)
    expect(refs.length - allowed.size).toBeGreaterThan(500)
    expect(refs.filter((ref) => isRefName(ref) !== allowed.has(ref))).toEqual([])
  })

  it.each([
    'a..b',
    'a//b',
    'a/',
    '/a',
    'a/./b',
    './a',
    '..',
    '../x',
    'a/../b',
    'a/..',
    '...',
    'a\nb',
    '\n',
    'a/b',
    'x.lock/y',
    'a.lock.',
    '.',
    '@',
    'a@{',
    '{',
    '-',
    'a.b',
    'a/.b',
    '\u00a0',
    '',
  ])('heads/%j is judged as git check-ref-format judges it', (text) => {
    const { status } = spawnSync('git', ['check-ref-format', `refs/heads/${text}`])
    expect(isRefName(`refs/heads/${text}`)).toBe(status === 0)
  })

  it.each([
    'refs/heads/main',
    'refs/heads/feature/x',
    'refs/heads/@',
    'refs/heads/-x',
    'refs/heads/x;touch${IFS}PWN;#',
    'refs/tags/v1',
    'refs/heads/🚀',
    'refs/pull/1/head',
  ])('may be %s', (ref) => {
    expect(isRefName(ref)).toBe(true)
  })

  it.each([
    'main',
    'heads/main',
    '',
    'refs/',
    'refs/heads/',
    'HEAD',
    'refs/heads/a..b',
    'refs/heads/a~1',
    'refs/heads/a^',
    'refs/heads/a:b',
    'refs/heads/a b',
    'refs/heads/x.lock',
    'refs/heads/@{u}',
    'refs/heads//a',
    'refs/heads/a/',
    'refs/heads/a//b',
    'refs/heads/.a',
    'refs/heads/a.',
    'refs/heads/a\nb',
    'refs/heads/a\0b',
  ])('is never %j', (ref) => {
    expect(isRefName(ref)).toBe(false)
  })

  it('is at most 1,024 bytes long, whatever its characters', () => {
    const room = 1_024 - 'refs/heads/'.length
    expect(isRefName(`refs/heads/${'a'.repeat(room)}`)).toBe(true)
    expect(isRefName(`refs/heads/${'a'.repeat(room + 1)}`)).toBe(false)
    expect(isRefName(`refs/heads/${'é'.repeat(room / 2 + 1)}`)).toBe(false)
  })
})

describe('a branch in deploy.yml', () => {
  it.each(['main', 'feature/x', 'v1.0', 'a-b', 'x;touch${IFS}PWN;#', 'refs', 'München'])(
    'may be called %s',
    (branch) => {
      expect(branchProblem(branch)).toBeNull()
    },
  )

  it.each([
    ['refs/heads/main', 'give the short name, such as main, not refs/heads/main'],
    ['-x', 'a branch name cannot start with -'],
    ['--upload-pack=touch', 'a branch name cannot start with -'],
    ['-oProxyCommand', 'a branch name cannot start with -'],
    ['HEAD', 'HEAD is not a branch; name one, such as main'],
    ['@', '@ is not a branch; name one, such as main'],
    ['', 'git does not allow this as a branch name (see git help check-ref-format)'],
    ['a..b', 'git does not allow this as a branch name (see git help check-ref-format)'],
    ['a b', 'git does not allow this as a branch name (see git help check-ref-format)'],
    ['feature/*', 'git does not allow this as a branch name: globs go into branches, such as branches: ["release/*"]'],
    ['x.lock', 'git does not allow this as a branch name (see git help check-ref-format)'],
  ])('is refused when it is %j', (branch, problem) => {
    expect(branchProblem(branch)).toBe(problem)
  })

  it('is found again in its full name, and only in that', () => {
    expect(branchOf(branchRef('feature/x'))).toBe('feature/x')
    expect(branchOf('refs/tags/main')).toBeNull()
    expect(branchOf('main')).toBeNull()
  })
})

/**
 * One process for all of them, where check-ref-format takes one name at a time: git applies the same rule to the names
 * in its packed-refs file, and leaves out those that break it. Newlines, `//`, `/./` and `/../` it does not take there at all.
 */
async function allowedByGit(refs: readonly string[]): Promise<ReadonlySet<string>> {
  const folder = await mkdtemp(join(tmpdir(), 'deployhook-refs-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const env = { PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' }
  const git = (args: readonly string[]): string =>
    execFileSync('git', args, {
      cwd: folder,
      env,
      maxBuffer: 10_000_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString()
  git(['init', '--quiet', '--bare'])
  const tree = git(['hash-object', '-t', 'tree', '-w', '/dev/null']).trim()
  const commit = git(['-c', 'user.name=a', '-c', 'user.email=a', 'commit-tree', '-m', 'x', tree]).trim()
  await writeFile(join(folder, 'packed-refs'), refs.map((ref) => `${commit} ${ref}\n`).join(''))
  return new Set(git(['for-each-ref', '--format=%(refname)']).split('\n'))
}
