import { globOf, parseGlob, type Glob } from './glob.ts'

/** Which changed files matter to an app: of the globs that match a file the last one decides. */
export type PathFilter = { readonly wants: (file: string) => boolean }

/** From entries that `pathGlobProblem` has passed. A list that begins with `!` begins from every file. */
export function createPathFilter(entries: readonly string[]): PathFilter {
  const rules = entries.map(ruleOf)
  const first = rules[0]?.isWanted === false
  return { wants: (file) => rules.findLast(({ glob }) => glob.matches(file))?.isWanted ?? first }
}

/** What is wrong with an entry of `paths`, or null. */
export function pathGlobProblem(entry: string): string | null {
  const parsed = parseGlob(patternOf(entry))
  return 'problem' in parsed ? parsed.problem : null
}

function ruleOf(entry: string): { readonly isWanted: boolean; readonly glob: Glob } {
  return { isWanted: !entry.startsWith('!'), glob: globOf(patternOf(entry)) }
}

function patternOf(entry: string): string {
  return entry.startsWith('!') ? entry.slice(1) : entry
}
