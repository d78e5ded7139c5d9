import { describe, expect, it } from 'vitest'
import { createPathFilter, pathGlobProblem } from '../../src/model/path-filter.ts'

const files = ['shop/a.ts', 'shop/README.md', '.github/ci.yml', 'docs/b.md']

describe('the paths of an app', () => {
  it.each([
    [['shop/**'], ['shop/a.ts', 'shop/README.md']],
    [['shop/**', '!**/*.md'], ['shop/a.ts']],
    [
      ['!**/*.md', 'shop/**'],
      ['shop/a.ts', 'shop/README.md', '.github/ci.yml'],
    ],
    [['!docs/**'], ['shop/a.ts', 'shop/README.md', '.github/ci.yml']],
    [
      ['**', '!**/*.md', 'docs/**'],
      ['shop/a.ts', '.github/ci.yml', 'docs/b.md'],
    ],
    [['.github/**'], ['.github/ci.yml']],
    [['shop'], []],
  ])('%j want of four files %j', (entries, wanted) => {
    expect(files.filter(createPathFilter(entries).wants)).toEqual(wanted)
  })

  it.each(['/shop/**', '!/shop/**', 'shop/', '!', 'a**b'])('are not %s', (entry) => {
    expect(pathGlobProblem(entry)).not.toBeNull()
  })
})
