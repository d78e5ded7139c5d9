import { isAlias, isMap, isScalar, isSeq, type Alias, type Pair, type ParsedNode, type YAMLMap } from 'yaml'
import { quoted } from './did-you-mean.ts'
import { problemAt, type Finding, type Path } from './finding.ts'

/** A node of YAML's tree; null where nothing was written. */
export type YamlNode = ParsedNode | null

/** Limits for aliases, which can make much out of little. */
const limits = { nodes: 20_000, chain: 10 }

/**
 * Plain data out of YAML's tree. By hand, because the library's own conversion hides what has to be told: keys written
 * twice, keys that are no text, tags, merge keys, `__proto__`, aliases that multiply. What is refused is left out.
 */
export function toValue(root: ParsedNode): {
  readonly value: unknown
  readonly findings: readonly Finding[]
  /** What each alias stands for: the anchor of that name which came last before it. */
  readonly targets: ReadonlyMap<Alias, ParsedNode>
} {
  const findings: Finding[] = []
  const anchors = new Map<string, ParsedNode>()
  const targets = new Map<Alias, ParsedNode>()
  let aliased = 0
  return { value: convert(root, [], []), findings, targets }

  function convert(node: YamlNode, path: Path, within: readonly ParsedNode[]): unknown {
    if (within.length > 0 && ++aliased > limits.nodes) return undefined
    if (node === null) return null
    if (isAlias(node)) return convertAlias(node, path, within)
    if (node.anchor !== undefined && within.length === 0) anchors.set(node.anchor, node)
    if (node.tag !== undefined)
      return refuse(node, path, 'a tag (!…) is not supported here: take it out, or quote text that starts with !')
    if (isMap(node)) return convertMap(node, path, within)
    if (isSeq(node)) return node.items.map((item, index) => convert(item, [...path, index], within))
    if (typeof node.value === 'string' && node.value.includes('\0'))
      return refuse(node, path, 'holds a NUL character: take it out')
    return node.value
  }

  function convertAlias(alias: Alias.Parsed, path: Path, within: readonly ParsedNode[]): unknown {
    const target = targets.get(alias) ?? anchors.get(alias.source)
    if (target === undefined) {
      return refuse(
        alias,
        path,
        `${/^[a-z_-]+$/i.test(alias.source) ? `*${alias.source}` : 'this alias'} stands for nothing: no & of its name comes before it; quote text that starts with *`,
      )
    }
    targets.set(alias, target)
    if (within.includes(target) || within.length >= limits.chain)
      return refuse(alias, path, 'an alias leads back to itself, or through too many others')
    const before = aliased
    const value = convert(target, path, [...within, target])
    if (before <= limits.nodes && aliased > limits.nodes)
      return refuse(alias, path, 'aliases make too much of this file: write it out')
    return value
  }

  function convertMap(map: YAMLMap.Parsed, path: Path, within: readonly ParsedNode[]): Record<string, unknown> {
    const entries: [string, unknown][] = []
    const keys = new Set<string>()
    for (const pair of map.items) {
      const key = keyOf(pair)
      const problem = key === null ? 'a key must be text: quote it' : keyProblem(key, keys)
      if (key === null || problem !== null) {
        refuse(pair.key, key === null ? path : [...path, key], problem ?? '')
        continue
      }
      keys.add(key)
      entries.push([key, convert(pair.value, [...path, key], within)])
    }
    return Object.fromEntries(entries)
  }

  function refuse(node: ParsedNode, path: Path, message: string): unknown {
    findings.push({ ...problemAt(path, message), offset: node.range[0] })
    return undefined
  }
}

function keyProblem(key: string, known: ReadonlySet<string>): string | null {
  if (key === '<<') return 'merge keys (<<) are not supported: use `defaults`, or an alias for a whole value'
  if (key === '__proto__') return '"__proto__" is not allowed as a key'
  if (key.includes('\0')) return 'a key holds a NUL character: take it out'
  return known.has(key) ? `the key ${quoted(key)} is here twice: keep one` : null
}

/** A key's text as it was written (`1e3`, `no`), or null when it is a list, a map, an alias or nothing. */
export function keyOf({ key }: Pair<ParsedNode, YamlNode>): string | null {
  if (!isScalar(key) || key.value === null || key.tag !== undefined) return null
  return typeof key.value === 'string' ? key.value : key.source
}
