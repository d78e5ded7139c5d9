import { treePath, type TreePath } from './tree-path.ts'

/** A file of a tree or an index: git's mode (`100644`, `120000`, `160000` …) and object id. */
export type Entry = { readonly mode: string; readonly id: string }
export type Entries = ReadonlyMap<TreePath, Entry>

/** Paths at which two sides differ, and what each has there; null: nothing, or a file that nobody has read. */
export type Differences = ReadonlyMap<TreePath, Difference>
export type Difference = { readonly from: Entry | null; readonly to: Entry | null }

/** What wants more than to be checked out. */
export type Specials = { readonly submodules: readonly TreePath[]; readonly attributes: readonly TreePath[] }

export type Commit = { readonly id: string; readonly parents: readonly string[] }

export type Range = { readonly roots: readonly string[]; readonly not: readonly string[] }

export type GitRef = { readonly name: string; readonly id: string; readonly peeled: string | null }

/** One setting of a configuration file; the key in lower case, as far as git makes it so. */
export type Setting = { readonly key: string; readonly value: string }

/** `MODE [TYPE] ID[ STAGE]<tab>PATH`, as ls-tree and ls-files --stage print it. */
export function entriesOf(output: Buffer): Entries {
  const entries = new Map<TreePath, Entry>()
  for (const line of output.toString('latin1').split('\0')) {
    const found = /^(\d{6}) (?:[a-z]+ )?([0-9a-f]{40,64})(?: \d)?\t([^]+)$/.exec(line)
    if (found?.[1] !== undefined && found[2] !== undefined && found[3] !== undefined) {
      entries.set(treePath(found[3]), { mode: found[1], id: found[2] })
    }
  }
  return entries
}

/** `:MODE MODE ID ID STATUS<nul>PATH<nul>`: https://git-scm.com/docs/git-diff-index#_raw_output_format */
export function differencesOf(output: Buffer): Differences {
  const differences = new Map<TreePath, Difference>()
  const parts = output.toString('latin1').split('\0')
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [from = '', to = '', fromId = '', toId = ''] = parts[at]?.slice(1).split(' ') ?? []
    const path = treePath(parts[at + 1] ?? '')
    differences.set(path, { from: entryOf(from, fromId), to: entryOf(to, toId) })
  }
  return differences
}

function entryOf(mode: string, id: string): Entry | null {
  return /^0+$/.test(id) ? null : { mode, id }
}

/** Of ls-tree's output, whose lines are only looked into where there is something. */
export function specialsOf(output: Buffer): Specials {
  const lines = (part: string) => linesWith(output, part).flatMap((line) => [...entriesOf(line)])
  return {
    submodules: lines('160000 commit ').flatMap(([path, { mode }]) => (mode === '160000' ? [path] : [])),
    attributes: lines('.gitattributes\0').flatMap(([path]) => (isAttributes(path) ? [path] : [])),
  }
}

export function isAttributes(path: TreePath): boolean {
  return /(?:^|\/)\.gitattributes$/.test(path)
}

function linesWith(output: Buffer, part: string): readonly Buffer[] {
  const found: Buffer[] = []
  for (let at = output.indexOf(part); at >= 0;) {
    const end = output.indexOf(0, at)
    found.push(output.subarray(at === 0 ? 0 : output.lastIndexOf(0, at - 1) + 1, end + 1))
    at = output.indexOf(part, end)
  }
  return found
}

/** One in `not` is told with its files, for a root may be a tree: https://git-scm.com/docs/git-rev-list */
export function rangeInput({ roots, not }: Range): Buffer {
  return Buffer.from(
    [...roots, ...not.flatMap((id) => [`^${id}`, `^${id}^{tree}`])].map((line) => `${line}\n`).join(''),
  )
}

export function linesOf({ stdout }: { readonly stdout: Buffer }): readonly string[] {
  return stdout
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '')
}

/** What ends with a NUL each, as text. */
export function itemsOf({ stdout }: { readonly stdout: Buffer }): readonly string[] {
  return stdout
    .toString('utf8')
    .split('\0')
    .filter((item) => item !== '')
}

/** `ID[ PARENT]…`, as rev-list --parents prints it. */
export function commitOf(line: string): Commit {
  const [id = '', ...parents] = line.split(' ')
  return { id, parents }
}

/** `ID NAME[ PEELED]`, as our for-each-ref prints it. */
export function refOf(line: string): GitRef {
  const [id = '', name = '', peeled = ''] = line.split(' ')
  return { name, id, peeled: peeled === '' ? null : peeled }
}

/** `KEY<newline>VALUE`, as `config -z --list` prints it; a key alone means true. */
export function settingOf(item: string): Setting {
  const end = item.indexOf('\n')
  return end < 0
    ? { key: item.toLowerCase(), value: '' }
    : { key: item.slice(0, end).toLowerCase(), value: item.slice(end + 1) }
}
