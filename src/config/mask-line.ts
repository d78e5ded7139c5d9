import type { Path } from './finding.ts'

/**
 * A line of deploy.yml as it may be shown: a secret that somebody wrote into the file (which is what the problem is
 * about, or a neighbour of it) shows as dots of the same length, so that it reaches no log and carets still fit.
 * `secretAt`: the column, counted from 1, where one is known to stand.
 */
export function maskLine(line: string, secretAt: number | null): string {
  const masked = line
    .replace(plainValue, (_, key: string, value: string) => key + dots(value))
    .replace(quotedValue, (_, key: string, value: string) => key + dots(value))
    .replace(/(:\/\/)([^/@\s]+)@/g, (_, slashes: string, userinfo: string) => `${slashes}${dots(userinfo)}@`)
  if (secretAt === null) return masked
  const start = secretAt - 1
  return masked.slice(0, start) + masked.slice(start).replace(/^[^\s{[&*|>#].*$/, dots)
}

/** Also keys that are spelled wrong: `secrt: hunter2` is told as an unknown key. */
const plainValue = /(\w*(?:secr|secet|token|passw)\w*["']?\s*:\s*)(?![\s{[&*|>#"'])([^,}\]#]+)/gi
const quotedValue = /(\w*(?:secr|secet|token|passw)\w*["']?\s*:\s*)("[^"]*"?|'[^']*'?)/gi

/** A text here should have been `{ env }`, `{ file }` or `{ credential }`. */
export function isSecretPlace(path: Path): boolean {
  return path.some((part) => part === 'secret' || part === 'secrets' || part === 'token')
}

function dots(text: string): string {
  return '•'.repeat(text.trimEnd().length) + ' '.repeat(text.length - text.trimEnd().length)
}
