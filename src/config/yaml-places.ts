import { isAlias, isMap, isSeq, type Alias, type ParsedNode, type YAMLMap } from 'yaml'
import type { Finding, Path } from './finding.ts'
import { keyOf, type YamlNode } from './yaml-value.ts'

/** What was written at a path: its key (in a map) and its value. */
export type Entry = { readonly key: ParsedNode | null; readonly value: YamlNode }

/** The way from a path to the tree. */
export type Tree = {
  readonly root: YamlNode
  readonly targets: ReadonlyMap<Alias, ParsedNode>
  /** The entries of a map, by key; of a key written twice, the first. */
  readonly entriesOf: (map: YAMLMap.Parsed) => ReadonlyMap<string, Entry>
}

/** A tree that remembers what it looked up: a broken file asks for thousands of places. */
export function createTree(root: YamlNode, targets: Tree['targets']): Tree {
  const known = new WeakMap<YAMLMap.Parsed, ReadonlyMap<string, Entry>>()
  return {
    root,
    targets,
    entriesOf: (map) => {
      const entries = known.get(map) ?? indexOf(map)
      known.set(map, entries)
      return entries
    },
  }
}

function indexOf(map: YAMLMap.Parsed): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const pair of map.items) {
    const key = keyOf(pair)
    if (key !== null && !entries.has(key)) entries.set(key, { key: pair.key, value: pair.value })
  }
  return entries
}

/** What was written at `path`, or null when nothing was. */
export function entryAt(tree: Tree, path: Path): Entry | null {
  let entry: Entry | null = { key: null, value: tree.root }
  for (const part of path) {
    if (entry === null) return null
    entry = childOf(tree, entry.value, part)
  }
  return entry
}

export function keysAt(tree: Tree, path: Path): readonly string[] {
  const map = resolved(tree, entryAt(tree, path)?.value ?? null)
  return isMap(map) ? [...tree.entriesOf(map).keys()] : []
}

/** Offset of what a finding is about; when that is not written, of the key of the nearest that is. */
export function offsetOf(tree: Tree, path: Path, at: Finding['at']): number {
  const entry = entryAt(tree, path)
  if (entry === null) return path.length === 0 ? 0 : offsetOf(tree, path.slice(0, -1), 'key')
  const node = at === 'key' || isEmpty(entry.value) ? (entry.key ?? entry.value) : entry.value
  return node?.range[0] ?? 0
}

function childOf(tree: Tree, parent: YamlNode, part: string | number): Entry | null {
  const node = resolved(tree, parent)
  if (isMap(node)) {
    return tree.entriesOf(node).get(String(part)) ?? null
  }
  if (!isSeq(node) || typeof part !== 'number') return null
  const value = node.items[part]
  return value === undefined ? null : { key: null, value }
}

function resolved(tree: Tree, node: YamlNode): YamlNode {
  return isAlias(node) ? (tree.targets.get(node) ?? null) : node
}

/** `key:` with nothing after it: a value without extent. */
function isEmpty(node: YamlNode): boolean {
  return node === null || node.range[0] === node.range[1]
}
