import { Composer, isScalar, Lexer, LineCounter, Parser, type CST, type ScalarTag, type Tags } from 'yaml'
import { problemAt, type Finding, type Path } from './finding.ts'
import type { Places } from './problem.ts'
import { sentenceOf } from './yaml-errors.ts'
import { createTree, entryAt, keysAt, offsetOf } from './yaml-places.ts'
import { toValue, type YamlNode } from './yaml-value.ts'

/** deploy.yml as data, and the way back from a path to its place in the text. */
export type YamlDocument = Places & {
  /** Maps, lists, strings, numbers, booleans, null; a symbol for text that YAML readers disagree about. */
  readonly value: unknown
  /** Whether the text is YAML at all: if not, there is no value to judge. */
  readonly isYaml: boolean
  /** Problems of the text itself. */
  readonly findings: readonly Finding[]
  /** Whether something was written there, right or wrong. */
  readonly has: (path: Path) => boolean
  /** The keys written in a map, right or wrong. */
  readonly keysOf: (path: Path) => readonly string[]
  /** What was written there, when it is a single value. */
  readonly sourceOf: (path: Path) => string | null
}

/** Parses one YAML 1.2 document, within limits that ten thousand apps do not reach. Throws for nothing a text can hold. */
export function parseYaml(text: string): YamlDocument {
  const lines = countLines(text)
  const broken = (...findings: readonly Finding[]): YamlDocument => ({
    ...describe(text, lines, null),
    isYaml: false,
    findings,
  })
  const tokens = tokenize(text)
  if (!Array.isArray(tokens)) return broken(tokens)
  const [document] = new Composer(composing).compose(tokens, true, text.length)
  if (document === undefined) return broken(at(0, 'holds no document'))
  // Tags are told by `toValue`, which goes on: the rest of the file can still be judged.
  const complaints = [...document.errors, ...document.warnings].filter(({ code }) => code !== 'TAG_RESOLVE_FAILED')
  const findings = complaints.map(({ pos: [offset], code }) => at(offset, sentenceOf(code)))
  if (document.directives.yaml.version !== '1.2')
    findings.push(at(0, 'the %YAML line asks for another version than 1.2: take it out'))
  return findings.length > 0 ? broken(...onePerLine(findings, lines)) : describe(text, lines, document.contents)
}

/** For a file that is no text: nothing to judge, but lines to show. */
export function unparsed(
  text: string,
  { offset, problem }: { readonly offset: number; readonly problem: string },
): YamlDocument {
  return { ...describe(text, countLines(text), null), isYaml: false, findings: [at(offset, problem)] }
}

function countLines(text: string): LineCounter {
  const lines = new LineCounter()
  for (let start = 0; start >= 0; start = text.indexOf('\n', start) + 1 || -1) lines.addNewLine(start)
  return lines
}

const limits = { depth: 60, lexemes: 1_200_000 }

/**
 * yaml's own parser, step by step: it builds its tree by recursion and compares the keys of a map pairwise, so a text
 * that is nested or long beyond reason has to be stopped before it gets there.
 */
function tokenize(text: string): CST.Token[] | Finding {
  const parser = new Parser()
  const tokens: CST.Token[] = []
  let lexemes = 0
  const take = (more: Iterable<CST.Token>): void => {
    for (const token of more) tokens.push(token)
  }
  for (const lexeme of new Lexer().lex(text)) {
    take(parser.next(lexeme))
    lexemes += 1
    if (parser.stack.length > limits.depth) return at(parser.offset - 1, 'is nested too deep here for a deploy.yml')
    if (lexemes > limits.lexemes) return at(parser.offset - 1, 'the file says too much: up to here is the limit')
  }
  take(parser.end())
  const second = tokens.filter((token) => token.type === 'document')[1]
  if (second !== undefined) return at(second.offset, 'a second document begins here (---): deploy.yml holds one')
  return tokens
}

/** Plain text that YAML 1.1 reads as a boolean, a date, a number in base 60 or with underscores; 1.2 does not. */
const disputed: ScalarTag = {
  tag: 'tag:deployhook,2025:disputed',
  default: true,
  test: /^(?:yes|no|on|off|\d{4}-\d{1,2}-\d{1,2}(?:[Tt\s].*)?|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?|[-+]?\d[\d,]*_[\d_]*|[-+]?0b[01_]+)$/i,
  resolve: (source) => Symbol(source),
}

const composing = {
  version: '1.2',
  strict: true,
  // Compares every key with every other: 60,000 keys take 48 s. `toValue` finds the same in one pass.
  uniqueKeys: false,
  customTags: (tags: Tags): Tags => [disputed, ...tags],
} as const

function describe(text: string, lines: LineCounter, root: YamlNode): YamlDocument {
  const converted = root === null ? null : toValue(root)
  const tree = createTree(root, converted?.targets ?? new Map())
  return {
    isYaml: true,
    value: converted?.value ?? null,
    findings: converted?.findings ?? [],
    has: (path) => entryAt(tree, path) !== null,
    keysOf: (path) => keysAt(tree, path),
    sourceOf: (path) => {
      const node = entryAt(tree, path)?.value ?? null
      return isScalar(node) ? node.source : null
    },
    placeOf: ({ offset, path, at }) => {
      if (at === 'file') return null
      const { line, col } = lines.linePos(Math.min(offset ?? offsetOf(tree, path, at), text.length))
      return { line: Math.max(1, line), column: Math.max(1, col), source: lineAt(text, lines, line) }
    },
  }
}

function lineAt(text: string, lines: LineCounter, line: number): string {
  const start = lines.lineStarts[Math.max(0, line - 1)] ?? 0
  const end = text.indexOf('\n', start)
  return text.slice(start, end < 0 ? text.length : end).replace(/\r$/, '')
}

function at(offset: number, message: string): Finding {
  return { ...problemAt([], message), offset: Math.max(0, offset) }
}

/** One mistake makes yaml complain more than once; the first complaint of a line is the one to read. */
function onePerLine(findings: readonly Finding[], lines: LineCounter): readonly Finding[] {
  const seen = new Set<number>()
  return findings
    .filter(({ offset = 0 }) => {
      const { line } = lines.linePos(offset)
      return !seen.has(line) && seen.add(line)
    })
    .slice(0, 10)
}
