import { stripVTControlCharacters } from 'node:util'

/** A cell: text that is harmless already, perhaps coloured. */
export type Row = readonly string[]

/** Columns side by side, as wide as their widest cell, two spaces apart; `style` is for the head. */
export function table(
  head: Row,
  rows: readonly Row[],
  { style = (name) => name }: { readonly style?: (name: string) => string } = {},
): string {
  const all = [head.map((name) => (name === '' ? name : style(name))), ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))))
  return all.map((row) => line(row, widths)).join('\n')
}

function line(row: Row, widths: readonly number[]): string {
  return row
    .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
    .join('  ')
    .trimEnd()
}

/** Columns of a terminal that `text` takes: colours none, East Asian and emoji two. */
function width(text: string): number {
  let columns = 0
  for (const character of stripVTControlCharacters(text)) {
    if (/\p{Mark}|\u200d/u.test(character)) continue
    columns += wide.test(character) ? 2 : 1
  }
  return columns
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

/** Names and values, one pair a line, the values below each other. */
export function facts(
  pairs: readonly (readonly [name: string, value: string])[],
  style: (name: string) => string,
): string {
  const longest = Math.max(...pairs.map(([name]) => width(name)))
  return pairs.map(([name, value]) => style(name.padEnd(longest + 2)) + value).join('\n')
}
