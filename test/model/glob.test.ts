import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exampleOf, parseGlob } from '../../src/model/glob.ts'

function matches(pattern: string, name: string): boolean {
  const glob = parseGlob(pattern)
  if ('problem' in glob) throw new Error(glob.problem)
  return glob.matches(name)
}

describe('a glob', () => {
  it.each([
    ['main', 'main'],
    ['*', 'main'],
    ['*', '.env'],
    ['v*', 'v'],
    ['v?.*', 'v1.2.3'],
    ['release/*', 'release/1'],
    ['**', 'a/b/c'],
    ['src/**', 'src/a/.b'],
    ['**/*.md', 'README.md'],
    ['**/*.md', 'docs/a/b.md'],
    ['a/**/b', 'a/b'],
    ['a/**/b', 'a/x/y/b'],
    ['**/**', 'a'],
    ['?', '💡'],
    ['\\*', '*'],
    ['pages/\\[id\\].tsx', 'pages/[id].tsx'],
    ['$(touch x)', '$(touch x)'],
    ['*', 'a\nb"c'],
  ])('%s matches %s', (pattern, name) => {
    expect(matches(pattern, name)).toBe(true)
  })

  it.each([
    ['main', 'Main'],
    ['main', 'main2'],
    ['*', 'a/b'],
    ['release/*', 'release/1/2'],
    ['release/*', 'prerelease/1'],
    ['src/**', 'src'],
    ['src/**', 'srcs/a'],
    ['**/b', 'ab'],
    ['a/**/b', 'ab'],
    ['a?b', 'a/b'],
    ['a.b', 'axb'],
    ['a+', 'aa'],
    ['\\*', 'x'],
  ])('%s does not match %s', (pattern, name) => {
    expect(matches(pattern, name)).toBe(false)
  })

  it.each([
    ['', 'is empty'],
    ['/src/**', 'begins with /: take it away, names begin at the top'],
    ['src/', 'ends with /: add ** for everything below it'],
    ['a//b', 'has an empty part, . or .. in it: write the names alone'],
    ['./src/**', 'has an empty part, . or .. in it: write the names alone'],
    ['../**', 'has an empty part, . or .. in it: write the names alone'],
    ['src/**.ts', 'has ** inside a part: it stands for whole parts, as in **/*.md; use * here'],
    ['a***', 'has ** inside a part: it stands for whole parts, as in **/*.md; use * here'],
    ['v[12]', 'has [ in it, which is no wildcard here: list each name, or write \\['],
    ['{a,b}', 'has { in it, which is no wildcard here: list each name, or write \\{'],
    ['a\\', 'has a \\ with nothing after it: write \\\\ for the character'],
    ['x'.repeat(1025), 'is longer than 1024 characters'],
  ])('is refused: %s', (pattern, problem) => {
    expect(parseGlob(pattern)).toEqual({ problem })
  })

  it('takes no longer for a pattern that would keep a backtracking matcher for years', () => {
    const startedAt = performance.now()
    expect(matches(`${'*a'.repeat(500)}*b`, 'a'.repeat(1000))).toBe(false)
    expect(matches(`${'**/a/'.repeat(200)}b`, 'a/'.repeat(2000) + 'a')).toBe(false)
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })

  it('matches what the plain definition says, for any pattern and name', () => {
    const part = fc.constantFrom('*', '**', '?', 'a', 'b', '*a', 'a*b', '*?', 'ab')
    const pattern = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
    const name = fc
      .array(fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 3 }), {
        minLength: 1,
        maxLength: 5,
      })
      .map((parts) => parts.join('/'))
    fc.assert(
      fc.property(pattern, name, (glob, text) => {
        expect(matches(glob, text)).toBe(partsMatch(glob.split('/'), text.split('/')))
      }),
      { numRuns: 5000 },
    )
  })

  it('matches its own example', () => {
    for (const pattern of ['v*', 'a/**/b?', '\\*x', '**']) expect(matches(pattern, exampleOf(pattern))).toBe(true)
  })
})

/** The definition, slow and obvious: part by part, and within a part letter by letter. */
function partsMatch(pattern: readonly string[], parts: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return parts.length === 0
  if (first === '**') {
    if (rest.length === 0) return parts.length > 0
    return partsMatch(rest, parts) || (parts.length > 0 && partsMatch(pattern, parts.slice(1)))
  }
  return parts[0] !== undefined && lettersMatch(first, parts[0]) && partsMatch(rest, parts.slice(1))
}

function lettersMatch(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern.startsWith('*'))
    return lettersMatch(pattern.slice(1), text) || (text !== '' && lettersMatch(pattern, text.slice(1)))
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && lettersMatch(pattern.slice(1), text.slice(1))
}
