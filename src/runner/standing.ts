import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { isWithin } from '../lib/path-within.ts'
import { realPath } from '../lib/real-path.ts'

/** What stands at an app's path before a checkout. */
export type Standing =
  | { readonly kind: 'missing' }
  | { readonly kind: 'empty' }
  /** A tree of ours: its files are those of the index. */
  | { readonly kind: 'ours' }
  /** Somebody's clone: a `.git` directory, not yet looked into. */
  | { readonly kind: 'clone' }
  /** Files without a repository. */
  | { readonly kind: 'files'; readonly viewOf: string | null }
  | { readonly kind: 'unusable'; readonly message: string }
  /** A repository of a kind that cannot be adopted. */
  | { readonly kind: 'unsupported'; readonly message: string }

/** Looks, and changes nothing. `known`: the path that the app's index is about. */
export async function standingAt(
  path: string,
  {
    stateDirectory,
    view,
    known,
  }: { readonly stateDirectory: string; readonly view: string; readonly known: string | null },
): Promise<Standing> {
  const parents = await parentProblem(path, stateDirectory)
  if (parents !== null) return { kind: 'unusable', message: parents }
  const found = await lstat(path).catch(() => null)
  if (found === null) return { kind: 'missing' }
  if (found.isSymbolicLink())
    return { kind: 'unusable', message: `${path} is a symbolic link. Give the directory that it leads to as path.` }
  if (!found.isDirectory())
    return { kind: 'unusable', message: `${path} is not a directory. Move it away, or give another path.` }
  const names = await readdir(path)
  if (names.length === 0) return { kind: 'empty' }
  if (known === path) return { kind: 'ours' }
  return strangerAt(path, { names, stateDirectory, view })
}

/** The line in the `.git` file of a tree of ours. */
export function gitFileText(view: string): string {
  return `gitdir: ${view}\n`
}

/** The view that a `.git` file of ours names: null for everything else, a symbolic link included. */
export async function viewNamedAt(path: string, stateDirectory: string): Promise<string | null> {
  const file = join(path, '.git')
  if (!(await lstat(file).catch(() => null))?.isFile()) return null
  const view = /^gitdir: (.+)\n?$/.exec(await readFile(file, 'utf8'))?.[1]
  return view !== undefined && dirname(view) === join(stateDirectory, 'views') ? view : null
}

async function strangerAt(
  path: string,
  of: { names: readonly string[]; stateDirectory: string; view: string },
): Promise<Standing> {
  const { names, stateDirectory, view } = of
  if (!names.includes('.git')) {
    const bare = ['HEAD', 'objects', 'refs'].every((name) => names.includes(name))
    return bare
      ? { kind: 'unsupported', message: `${path} is a bare repository, not a tree. Give another path.` }
      : { kind: 'files', viewOf: null }
  }
  const named = await viewNamedAt(path, stateDirectory)
  if (named === view) return { kind: 'ours' }
  if (named !== null) return { kind: 'files', viewOf: named.slice(dirname(named).length + 1).replace(/\.git$/, '') }
  const git = await lstat(join(path, '.git'))
  if (git.isDirectory()) return { kind: 'clone' }
  const cure = `Give another path, or move it away: the first deployment makes a new one.`
  return {
    kind: 'unsupported',
    message: `${path} is a linked worktree or a submodule: its .git leads to another repository. ${cure}`,
  }
}

async function parentProblem(path: string, stateDirectory: string): Promise<string | null> {
  const real = realPath(path)
  const state = await realpath(stateDirectory)
  if (real === sep) return `path leads to ${real}, which cannot be an app's. Give a directory of its own.`
  if (isWithin(real, state) || isWithin(state, real)) {
    return `${path} and the state directory ${stateDirectory} lie one in the other. Give another path.`
  }
  const parent = await nearestParent(path)
  return parent.isDirectory ? null : `${path} cannot be made: ${parent.path} is not a directory. Give another path.`
}

async function nearestParent(path: string): Promise<{ readonly path: string; readonly isDirectory: boolean }> {
  const parent = dirname(path)
  const found = await stat(parent).catch(() => null)
  return found === null && parent !== path
    ? nearestParent(parent)
    : { path: parent, isDirectory: found?.isDirectory() === true }
}
