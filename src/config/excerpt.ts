import { printable } from './finding.ts'

/** The part of a line that surrounds a place, fit to be shown; `caret` counts the characters before the place. */
export type Excerpt = { readonly text: string; readonly caret: number }

/**
 * What may be shown of a line: a secret that somebody wrote into the file (it is what the problem is about, or its
 * neighbour) shows as dots of the same length, so that it reaches no log and the caret still fits. `column` counts
 * from 1; `isSecret`: one stands there.
 */
export function excerptOf(line: string, column: number, { isSecret }: { readonly isSecret: boolean }): Excerpt {
  const start = column > 100 ? column - 60 : 0
  const end = start + 160
  // A key that names a secret can stand before what is shown of its value.
  const from = Math.max(0, start - 4_000)
  const masked = maskSecrets(line.slice(from, end + 200)).slice(start - from, end - from)
  const at = column - 1 - start
  const shown = isSecret ? masked.slice(0, at) + masked.slice(at).replace(/^[^\s{[&*|>#].*$/, dots) : masked
  const before = start > 0 ? '…' : ''
  return {
    text: before + shown.split('\t').map(printable).join('\t') + (line.length > end ? '…' : ''),
    caret: at + before.length,
  }
}

function maskSecrets(line: string): string {
  return line
    .replace(plainValue, (_, key: string, value: string) => key + dots(value))
    .replace(quotedValue, (_, key: string, value: string) => key + dots(value))
    .replace(/(:\/\/)([^/@\s]+)@/g, (_, slashes: string, userinfo: string) => `${slashes}${dots(userinfo)}@`)
}

/** Also keys that are spelled wrong: `secrt: hunter2` is told as an unknown key. */
const plainValue = /((?:secr|secet|token|passw)\w{0,20}["']?\s{0,20}:\s{0,20})(?![\s{[&*|>#"'])([^,}\]#]+)/gi
const quotedValue = /((?:secr|secet|token|passw)\w{0,20}["']?\s{0,20}:\s{0,20})("[^"]*"?|'[^']*'?)/gi

function dots(text: string): string {
  return '•'.repeat(text.trimEnd().length) + ' '.repeat(text.length - text.trimEnd().length)
}
