/** https://fishshell.com/docs/current/language.html#quotes: between single quotes only `\'` and `\\` mean something else. */
export function fishQuoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}

/** A description on one line. */
export function plain(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
