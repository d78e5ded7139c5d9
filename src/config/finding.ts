/** Where something stands in deploy.yml: keys and list positions from the top. */
export type Path = readonly (string | number)[]

/** Something to tell about deploy.yml, before it has a line number. */
export type Finding = {
  readonly path: Path
  /** What is wrong, and the cure: follows the path and a colon. */
  readonly message: string
  readonly severity: 'error' | 'warning'
  /** What to point at; a path that is not written points at the nearest key above it, `file` at no line at all. */
  readonly at: 'key' | 'value' | 'file'
  /** Where in the text, when it is not to be found by its path. */
  readonly offset?: number
}

export function problemAt(path: Path, message: string): Finding {
  return { path, message, severity: 'error', at: 'value' }
}

export function problemOfFile(message: string): Finding {
  return { path: [], message, severity: 'error', at: 'file' }
}

export function problemAtKey(path: Path, message: string): Finding {
  return { path, message, severity: 'error', at: 'key' }
}

export function warningAt(path: Path, message: string): Finding {
  return { path, message, severity: 'warning', at: 'value' }
}

export function isError(finding: Finding): boolean {
  return finding.severity === 'error'
}

/** `apps.blog.steps[1]`, and nothing for the whole file. */
export function pathText(path: Path): string {
  let text = ''
  for (const part of path)
    text += typeof part === 'number' ? `[${part}]` : `${text === '' ? '' : '.'}${printable(part)}`
  return text
}

/** Without characters that would move a cursor or colour a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}')
}
