import type { z } from 'zod'
import { didYouMean, quoted } from './did-you-mean.ts'
import { problemAt, problemAtKey, type Finding, type Path } from './finding.ts'
import { withPlainOff } from './plain-off.ts'
import { keysKnownAt } from './schema-keys.ts'
import type { YamlDocument } from './yaml.ts'

/**
 * Holds a document to the schema: what it says, and every way in which it does not fit. What does not fit is struck
 * out, so that the rest can still be judged by the rules and all problems are told at once.
 */
export function checkSchema<Schema extends z.ZodType>(
  document: YamlDocument,
  schema: Schema,
): { readonly written: z.output<Schema> | null; readonly findings: readonly Finding[] } {
  const findings: Finding[] = []
  const isLeftOut = (path: Path): boolean => document.has(path) && valueAt(document.value, path) === undefined
  let value = withPlainOff(document.value)
  for (let round = 0; round < maxRounds; round += 1) {
    const parsed = schema.safeParse(value, { error: () => standard })
    if (parsed.success) return { written: parsed.data, findings }
    const found = parsed.error.issues.flatMap((issue) => findingsOf(issue, [], { document, schema }))
    findings.push(...found.filter(({ path }) => !isLeftOut(path) && (round === 0 || document.has(path))))
    value = without(
      value,
      found.map(({ path }) => path),
    )
  }
  return { written: null, findings }
}

/** Striking out a required key makes its map fail, and so on upwards: as often as maps are nested here. */
const maxRounds = 8

/** Stands for every message that the schema does not word itself: those are worded here, where the source is known. */
const standard = '\u0000standard'

type Context = { readonly document: YamlDocument; readonly schema: z.ZodType }
type Issue = z.core.$ZodIssue

function findingsOf(issue: Issue, base: Path, context: Context): readonly Finding[] {
  const path: Path = [...base, ...(issue.path as Path)]
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], context))
  if (issue.code === 'invalid_key') return [problemAtKey(path, issue.issues[0]?.message ?? 'is not a name')]
  if (issue.message !== standard) return [problemAt(path, issue.message)]
  if (issue.code === 'invalid_union') return findingsOfUnion(issue, path, context)
  if (issue.code === 'invalid_value') return [problemAt(path, notOneOf(issue.values.map(String), path, context))]
  return [problemAt(path, wrongType(issue.code === 'invalid_type' ? [issue.expected] : [], path, context))]
}

function unknownKey(path: Path, { schema }: Context): Finding {
  const key = String(path.at(-1))
  const homes = { server: ['server'], 'an app': ['defaults'], 'a webhook': ['webhooks', ''] }
  const home = Object.entries(homes).find(([, place]) => keysKnownAt(schema, place).includes(key))
  const meant = didYouMean(key, keysKnownAt(schema, path.slice(0, -1)))
  const cure = home !== undefined && !meant.startsWith(':') ? `: it belongs to ${home[0]}` : meant
  return problemAtKey(path, `there is no key ${quoted(key)} here${cure}`)
}

/** The complaints of the one alternative that is of the right type, or the types that would be. */
function findingsOfUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, context: Context): readonly Finding[] {
  const expected = issue.errors.flatMap(([first]) =>
    first?.code === 'invalid_type' && first.path.length === 0 ? [first.expected] : [],
  )
  if (expected.includes('string') && context.document.sourceOf(path) !== null && !isText(context, path)) {
    return [problemAt(path, wrongType(['string'], path, context))]
  }
  const fitting = issue.errors.find(
    ([first]) => first !== undefined && (first.code !== 'invalid_type' || first.path.length > 0),
  )
  if (fitting === undefined) return [problemAt(path, wrongType(expected, path, context))]
  return fitting.flatMap((inner) => findingsOf(inner, path, context))
}

function isText({ document }: Context, path: Path): boolean {
  return typeof valueAt(document.value, path) === 'string'
}

function notOneOf(allowed: readonly string[], path: Path, { document }: Context): string {
  const written = document.sourceOf(path)
  const nearest = written === null ? '' : didYouMean(written, allowed)
  return `must be ${allowed.length > 2 ? `one of ${allowed.join(', ')}` : allowed.join(' or ')}${nearest.startsWith(':') ? nearest : ''}`
}

const nouns: Readonly<Record<string, string>> = {
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys and values',
  record: 'a map of keys and values',
  number: 'a number',
}

function wrongType(expected: readonly string[], path: Path, { document }: Context): string {
  if (!document.has(path)) return 'is missing'
  const source = document.sourceOf(path)
  if (source === '') return 'is empty: give it a value, or take the key out'
  if (source !== null && expected.includes('string')) return `must be a string: quote it ("${source}")`
  const wanted = [...new Set(expected.map((type) => nouns[type] ?? type))].join(' or ')
  return `must be ${wanted}${source === null ? `, not ${Array.isArray(valueAt(document.value, path)) ? 'a list' : 'a map'}` : ''}`
}

function valueAt(value: unknown, path: Path): unknown {
  let inner = value
  for (const part of path) inner = isContainer(inner) ? inner[part] : undefined
  return inner
}

/** A copy of `value` without what is at the paths. */
function without(value: unknown, paths: readonly Path[]): unknown {
  const copy = copyOf(value)
  for (const { container, key } of paths.map((path) => strikeableAt(copy, path)).filter((found) => found !== null)) {
    Reflect.deleteProperty(container, key)
  }
  return copy
}

/** The map entry to take out so that `path` is gone: inside a list the whole list, whose other items keep their places; for what is missing, the map it is missing from. */
function strikeableAt(value: unknown, path: Path): { readonly container: Container; readonly key: string } | null {
  let last: { readonly container: Container; readonly key: string } | null = null
  let inner = value
  for (const part of path) {
    if (!isContainer(inner) || Array.isArray(inner) || !Object.hasOwn(inner, part)) return last
    last = { container: inner, key: String(part) }
    inner = inner[part]
  }
  return last
}

/** Maps and lists anew, all else as it is: `structuredClone` refuses symbols. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (!isContainer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)]))
}

type Container = Record<string | number, unknown>

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null
}
