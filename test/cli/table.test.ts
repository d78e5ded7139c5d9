import { describe, expect, it } from 'vitest'
import { facts, table } from '../../src/cli/table.ts'

describe('tables', () => {
  it('puts columns below each other, and no blanks at the end of lines', () => {
    expect(
      table(
        ['ID', 'APP', 'NOTE'],
        [
          ['1', 'blog', ''],
          ['100', 'x', 'fine'],
        ],
      ),
    ).toBe(['ID   APP   NOTE', '1    blog', '100  x     fine'].join('\n'))
  })

  it('does not count colours, and counts wide characters twice', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['\u001b[31mred\u001b[39m', '1'],
          ['文字', '2'],
          ['é', '3'],
        ],
      ),
    ).toBe(['A     B', '\u001b[31mred\u001b[39m   1', '文字  2', 'é     3'].join('\n'))
  })

  it('puts the values of facts below each other', () => {
    expect(
      facts(
        [
          ['a', '1'],
          ['long', '2'],
        ],
        (name) => name,
      ),
    ).toBe('a     1\nlong  2')
  })
})
