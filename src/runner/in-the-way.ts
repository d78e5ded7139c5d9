import { lstat, readdir } from 'node:fs/promises'
import { errorCode } from '../lib/error-code.ts'
import type { Differences } from './git-output.ts'
import { ancestorsOf, onDisk, treePath, type TreePath } from './tree-path.ts'

/** What is on disk at a path of the tree. `behind`: a file or symbolic link stands where a parent directory belongs. */
export type PathState =
  | { readonly kind: 'file' | 'directory' | 'special' | 'absent' }
  | { readonly kind: 'behind'; readonly obstacle: TreePath }

/** Looks without ever following a symbolic link inside the tree; remembers the directories it has seen. */
export function createLook(root: string): (path: TreePath) => Promise<PathState> {
  const parents = new Map<TreePath, 'directory' | 'absent' | 'obstacle'>()

  async function parent(path: TreePath): Promise<'directory' | 'absent' | 'obstacle'> {
    const seen = parents.get(path)
    if (seen !== undefined) return seen
    const kind = await kindAt(root, path)
    const found = kind === 'directory' || kind === 'absent' ? kind : 'obstacle'
    parents.set(path, found)
    return found
  }

  return async (path) => {
    for (const ancestor of ancestorsOf(path)) {
      const found = await parent(ancestor)
      if (found === 'absent') return { kind: 'absent' }
      if (found === 'obstacle') return { kind: 'behind', obstacle: ancestor }
    }
    return { kind: await kindAt(root, path) }
  }
}

export type InTheWay = {
  /** Files and symbolic links of nobody's index that the checkout would overwrite. */
  readonly files: readonly TreePath[]
  /** Directories that it would overwrite and that hold a repository, which git cannot store: to be moved as a whole. */
  readonly repositories: readonly TreePath[]
}

/**
 * What the checkout of `next` would overwrite though it is not in the index: a file where one is added, a directory
 * where a file goes, a file where a directory goes. `differing`: where the index (`to`) is not `next` (`from`);
 * `changed`: tracked paths that are no longer what the index (`from`) says. All other paths stay as they are.
 */
export async function findInTheWay(
  root: string,
  { differing, changed }: { readonly differing: Differences; readonly changed: Differences },
): Promise<InTheWay> {
  const look = createLook(root)
  // What a step put where a submodule belongs is in nobody's index.
  const isTracked = (path: TreePath) => {
    const indexed = differing.has(path) ? differing.get(path)?.to : changed.get(path)?.from
    return (indexed?.mode ?? submodule) !== submodule
  }
  const files = new Set<TreePath>()
  const repositories = new Set<TreePath>()
  for (const path of new Set([...differing.keys(), ...changed.keys()])) {
    const next = differing.has(path) ? differing.get(path)?.from : changed.get(path)?.from
    if (next == null || (isTracked(path) && !changed.has(path))) continue
    const found = await look(path)
    if (found.kind === 'behind' && !isTracked(found.obstacle)) files.add(found.obstacle)
    if (found.kind === 'file' && !isTracked(path)) files.add(path)
    if (found.kind !== 'directory' || next.mode === submodule) continue
    const inside = await walk(root, path)
    if (inside.holdsRepository) repositories.add(path)
    else for (const file of inside.files) if (!isTracked(file)) files.add(file)
  }
  return { files: [...files], repositories: [...repositories] }
}

/** git's mode for the commit of another repository; in a tree of ours, an empty directory. */
export const submodule = '160000'

async function walk(
  root: string,
  directory: TreePath,
): Promise<{ files: readonly TreePath[]; holdsRepository: boolean }> {
  const files: TreePath[] = []
  let holdsRepository = false
  for (const entry of await readdir(onDisk(root, directory), { encoding: 'latin1', withFileTypes: true })) {
    const path = treePath(`${directory}/${entry.name}`)
    if (entry.name.toLowerCase() === '.git') holdsRepository = true
    if (entry.isFile() || entry.isSymbolicLink()) files.push(path)
    if (!entry.isDirectory()) continue
    const inside = await walk(root, path)
    files.push(...inside.files)
    holdsRepository ||= inside.holdsRepository
  }
  return { files, holdsRepository }
}

async function kindAt(root: string, path: TreePath): Promise<'file' | 'directory' | 'special' | 'absent'> {
  const found = await lstat(onDisk(root, path)).catch((error: unknown) => {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  })
  if (found === null) return 'absent'
  if (found.isDirectory()) return 'directory'
  return found.isFile() || found.isSymbolicLink() ? 'file' : 'special'
}
