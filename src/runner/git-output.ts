import { treePath, type TreePath } from './tree-path.ts'

/** A file of a tree or an index: git's mode (`100644`, `120000`, `160000` …) and object id. */
export type Entry = { readonly mode: string; readonly id: string }
export type Entries = ReadonlyMap<TreePath, Entry>

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
