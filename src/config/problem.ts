import { createColors } from 'picocolors'
import { excerptOf, type Excerpt } from './excerpt.ts'
import { pathText, type Finding } from './finding.ts'

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
  readonly excerpt: Excerpt | null
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

/** Enough to mend a file that somebody wrote, not one that something spewed. */
const most = 1_000

/** Gives every finding its place, and puts them in the order of the file, each once. */
export function locate(findings: readonly Finding[], file: string, places: Places): Problem[] {
  const problems = new Map<string, Problem>()
  for (const finding of findings) {
    const problem = toProblem(finding, file, places)
    problems.set(problem.text, problem)
    if (problems.size === most) break
  }
  return [...problems.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
}

/** A problem for people: a line with place, path and cure, then the source line and a caret below it. */
export function formatProblem(
  problem: Omit<Problem, 'text'>,
  { colour = false }: { readonly colour?: boolean } = {},
): string {
  const paint = createColors(colour)
  const { file, line, column, path, message, severity, excerpt } = problem
  const place = line === null || column === null ? file : `${file}:${line}:${column}`
  const head = path === '' ? `${paint.bold(place)}: ${message}` : `${paint.bold(place)} ${paint.cyan(path)}: ${message}`
  if (line === null || excerpt === null) return head

  const gutter = ' '.repeat(String(line).length)
  const indent = excerpt.text.slice(0, excerpt.caret).replace(/[^\t]/g, ' ')
  const caret = severity === 'error' ? paint.red('^') : paint.yellow('^')
  return [
    head,
    `  ${paint.dim(`${line} |`)} ${excerpt.text}`.trimEnd(),
    `  ${paint.dim(`${gutter} |`)} ${indent}${caret}`,
  ].join('\n')
}

function toProblem(finding: Finding, file: string, places: Places): Problem {
  const place = places.placeOf(finding)
  const { path, message, severity } = finding
  const problem = {
    file,
    line: place?.line ?? null,
    column: place?.column ?? null,
    path: pathText(path),
    message,
    severity,
    excerpt:
      place === null
        ? null
        : excerptOf(place.source, place.column, { isSecret: finding.at === 'value' && isSecretPlace(path) }),
  }
  return { ...problem, text: formatProblem(problem) }
}

/** A text here should have been `{ env }`, `{ file }` or `{ credential }`. */
function isSecretPlace(path: Finding['path']): boolean {
  return path.some((part) => part === 'secret' || part === 'secrets' || part === 'token')
}
