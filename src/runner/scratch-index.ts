import { copyFile, constants, rm } from 'node:fs/promises'
import type { Differences } from './git-output.ts'
import type { Git } from './git.ts'
import { createLook } from './in-the-way.ts'
import { exists } from './repository-files.ts'
import { indexFile, type Tree } from './tree.ts'
import type { TreePath } from './tree-path.ts'

/** A tree with another index than its own, to try things in. */
export type Scratch = Tree & { readonly indexFile: string }

/** Makes the scratch index a copy of the tree's own. */
export async function copyIndex(tree: Tree, to: string): Promise<void> {
  await rm(to, { force: true })
  if (await exists(indexFile(tree))) await copyFile(indexFile(tree), to, constants.COPYFILE_FICLONE)
}

/** Makes the scratch index say what is on disk at these paths. */
export async function stageAsOnDisk(git: Git, scratch: Scratch, paths: readonly TreePath[]): Promise<void> {
  const look = createLook(scratch.workTree)
  const present: TreePath[] = []
  const absent: TreePath[] = []
  for (const path of paths) ((await look(path)).kind === 'file' ? present : absent).push(path)
  await git.stage(scratch, { present, absent })
}

/**
 * Tracked files that are not as the index says. Mostly one look at their times tells that there are none; else those
 * that have but been touched are told apart by what they hold.
 */
export async function changedIn(git: Git, tree: Tree): Promise<Differences> {
  const seen = await git.changed(tree)
  if (seen.size === 0) return seen
  await git.refreshIndex(tree)
  return git.changed(tree)
}

/** The tree object of the tracked files as they are now. */
export async function treeAsOnDisk(git: Git, tree: Tree, changed: readonly TreePath[]): Promise<string> {
  const scratch = { ...tree, indexFile: `${indexFile(tree)}.built` }
  try {
    await copyIndex(tree, scratch.indexFile)
    await stageAsOnDisk(git, scratch, changed)
    return await git.writeTree(scratch)
  } finally {
    await rm(scratch.indexFile, { force: true })
  }
}
