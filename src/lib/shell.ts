/** A word that sh, bash and zsh take as it is. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** The same, bare where that means the same. */
export function shellWord(text: string): string {
  return /^[\w.,:@+/-]+$/.test(text) ? text : shellQuoted(text)
}
