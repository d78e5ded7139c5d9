/** A word that sh, bash and zsh take as it is. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** https://fishshell.com/docs/current/language.html#quotes: between single quotes only `\'` and `\\` mean something else. */
export function fishQuoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}

/** A description on one line. */
export function plain(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
