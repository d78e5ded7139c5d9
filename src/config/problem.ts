import { createColors } from 'picocolors'
import { pathText, printable, type Finding } from './finding.ts'
import { isSecretPlace, maskLine } from './mask-line.ts'

/** Something to tell about deploy.yml, with its place. Holds no secret. */
export type Problem = {
  /** The file as it was named. */
  readonly file: string
  /** Both counted from 1; null when it is about the file itself. */
  readonly line: number | null
  readonly column: number | null
  /** `apps.blog.timeout`; empty for the whole file. */
  readonly path: string
  readonly message: string
  readonly severity: Finding['severity']
  readonly sourceLine: string | null
  /** All of it without colour: `deploy.yml:LINE:COL path: what is wrong, and the cure`, the source line, a caret. */
  readonly text: string
}

/** Where findings are told to be: a parsed document, or at least its text. */
export type Places = {
  readonly placeOf: (
    finding: Finding,
  ) => { readonly line: number; readonly column: number; readonly source: string } | null
}

export const nowhere: Places = { placeOf: () => null }

/** Gives every finding its place, and puts them in the order of the file. */
export function locate(findings: readonly Finding[], file: string, places: Places): Problem[] {
  const problems = findings.map((finding) => toProblem(finding, file, places))
  const distinct = new Map(problems.map((problem) => [problem.text, problem]))
  return [...distinct.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
}

/** A problem for people: a line with place, path and cure, then the source line and a caret below it. */
export function formatProblem(
  problem: Omit<Problem, 'text'>,
  { colour = false }: { readonly colour?: boolean } = {},
): string {
  const paint = createColors(colour)
  const mark = problem.severity === 'error' ? paint.red : paint.yellow
  const { file, line, column, path, message, sourceLine } = problem
  const place = line === null || column === null ? (path === '' ? `${file}:` : file) : `${file}:${line}:${column}`
  const head = [paint.bold(place), path === '' ? '' : `${paint.cyan(path)}:`, message]
    .filter((part) => part !== '')
    .join(' ')
  if (line === null || column === null || sourceLine === null) return head

  const excerpt = around(sourceLine, column)
  const gutter = ' '.repeat(String(line).length)
  const indent = excerpt.before.replace(/[^\t]/g, ' ')
  return [
    head,
    `  ${paint.dim(`${line} |`)} ${excerpt.before}${excerpt.after}`.trimEnd(),
    `  ${paint.dim(`${gutter} |`)} ${indent}${mark('^')}`,
  ].join('\n')
}

function toProblem(finding: Finding, file: string, places: Places): Problem {
  const place = places.placeOf(finding)
  const { path, message, severity } = finding
  const masked =
    place === null ? null : maskLine(place.source, finding.at === 'value' && isSecretPlace(path) ? place.column : null)
  const problem = {
    file,
    line: place?.line ?? null,
    column: place?.column ?? null,
    path: pathText(path),
    message,
    severity,
    sourceLine: masked === null ? null : printableLine(masked),
  }
  return { ...problem, text: formatProblem(problem) }
}

/** Tabs stay, so that the caret below them stands right. */
function printableLine(line: string): string {
  return line.split('\t').map(printable).join('\t')
}

/** The part of a long line that surrounds the column. */
function around(line: string, column: number): { readonly before: string; readonly after: string } {
  const start = column > 100 ? column - 60 : 0
  const before = (start > 0 ? '…' : '') + line.slice(start, column - 1)
  const after = line.slice(column - 1, start + 140)
  return { before, after: after + (line.length > start + 140 ? '…' : '') }
}
