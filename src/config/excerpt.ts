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
    .replace(variable, (all, key: string, name: string) => (looksLikeVariable(name) ? all : key + dots(name)))
    .replace(collection, (_, key: string, items: string) => key + items.replace(/[^\s{}[\],][^{}[\],]*/g, maskItem))
    .replace(plainValue, (_, key: string, value: string) => key + dots(value))
    .replace(quotedValue, (_, key: string, value: string) => key + dots(value))
    .replace(/(:\/\/)([^/@\s]+)@/g, (_, slashes: string, userinfo: string) => `${slashes}${dots(userinfo)}@`)
    .replace(/(:\/\/[^\s?"']*\?)([^\s"']+)/g, (_, before: string, query: string) => before + dots(query))
}

/** One of several in brackets: where a secret lies may be shown, but nothing else. */
function maskItem(item: string): string {
  if (/^(?:env|file|credential)\s*:/.test(item)) return item
  return item.replace(/^(\w{1,20}:\s+)?(.*)$/, (_, key: string | undefined, value: string) => (key ?? '') + dots(value))
}

/** Also keys that are spelled wrong: `secrt: hunter2` is told as an unknown key. */
const plainValue = /((?:secr|secet|token|passw)\w{0,20}["']?\s{0,20}:\s{0,20})(?![\s{[&|>#"'])([^,}\]#]+)/gi
const collection = /((?:secr|secet|(?<!api_)token|passw)\w{0,20}["']?\s{0,20}:\s{0,20})(\{[^}]*|\[[^\]]*)/gi
const variable = /(\benv\s{0,20}:\s{1,20}["']?)([^\s{}[\],"'#][^\s,}\]"']*)/g
const quotedValue = /((?:secr|secet|token|passw)\w{0,20}["']?\s{0,20}:\s{0,20})("[^"]*"?|'[^']*'?)/gi

/** What is told of a variable that is not set: somebody may have written the secret where its name belongs. */
export function looksLikeVariable(name: string): boolean {
  return /^(?:[A-Z_][A-Z0-9_]*|[A-Za-z_]+)$/.test(name)
}

function dots(text: string): string {
  return '•'.repeat(text.trimEnd().length) + ' '.repeat(text.length - text.trimEnd().length)
}
