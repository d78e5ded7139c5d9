import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isWithin } from '../lib/path-within.ts'

/** Where a step runs, with every symlink resolved, or why it cannot. */
export type StepDirectory = { readonly path: string } | { readonly problem: string }

/** `cwd` of a step within `tree` (absolute); a symlink that leads out of the tree is refused. */
export async function stepDirectory(tree: string, cwd: string): Promise<StepDirectory> {
  const root = await resolved(tree)
  if (root === null) return { problem: `the tree ${tree} is not there` }
  const path = await resolved(join(tree, cwd))
  if (path === null) return { problem: `its cwd, ${cwd}, is not in the tree ${tree}` }
  if (!isWithin(path, root)) {
    return { problem: `its cwd, ${cwd}, leads out of the tree to ${path}` }
  }
  const { isDirectory } = await kindOf(path)
  return isDirectory ? { path } : { problem: `its cwd, ${cwd}, is not a directory` }
}

async function resolved(path: string): Promise<string | null> {
  try {
    return await realpath(path)
  } catch {
    return null
  }
}

async function kindOf(path: string): Promise<{ readonly isDirectory: boolean }> {
  try {
    return { isDirectory: (await stat(path)).isDirectory() }
  } catch {
    return { isDirectory: false }
  }
}
