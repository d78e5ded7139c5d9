declare const brand: unique symbol

/**
 * A path inside a tree, as git knows it: relative, separated by `/`, one character per *byte*. Names on Linux are bytes
 * and need not be UTF-8; a name decoded as UTF-8 could not be found again on disk.
 */
export type TreePath = string & { readonly [brand]: 'TreePath' }

/** The paths in the output of a git command that was run with `-z`. */
export function treePathsOf(output: Buffer): readonly TreePath[] {
  return output.toString('latin1').split('\0').slice(0, -1).map(treePath)
}

/** What a `-z --stdin` command reads. */
export function nulTerminated(paths: readonly string[]): Buffer {
  return Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1')
}

export function treePath(bytes: string): TreePath {
  return bytes as TreePath
}

/** Where it lies on disk, in the form that node:fs takes names of any bytes. */
export function onDisk(root: string, path: TreePath): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')])
}

/** For people: UTF-8 where it is, control characters made visible. */
export function shown(path: TreePath): string {
  return decoded(path).replace(/[\x00-\x1f\x7f]/g, '?')
}

/** As text; a name that is not UTF-8 is no longer itself. */
export function decoded(path: TreePath): string {
  return Buffer.from(path, 'latin1').toString('utf8')
}

/** Up to `limit` names in one line of a log, and how many more there are. */
export function shownList(paths: readonly TreePath[], limit = 20): string {
  const names = paths.slice(0, limit).map(shown).join(', ')
  return paths.length > limit ? `${names} and ${paths.length - limit} more` : names
}

/** `a/b/c` → `a`, `a/b`. */
export function ancestorsOf(path: TreePath): readonly TreePath[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => treePath(parts.slice(0, index + 1).join('/')))
}
