import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, rm } from 'node:fs/promises'
import type { Differences, Entries, Entry } from './git-output.ts'
import { GitCommandError } from './git-command-error.ts'
import type { Git } from './git.ts'
import { brokenLooseObjects } from './loose-objects.ts'
import { findInTheWay, type InTheWay } from './in-the-way.ts'
import { commitOwn } from './saved-commit.ts'
import { copyIndex, stageAsOnDisk } from './scratch-index.ts'
import { indexFile, type Tree, type TreeMemory } from './tree.ts'
import { onDisk, type TreePath } from './tree-path.ts'

export type Changes = {
  /** Where the index (`to`) is not the next revision (`from`). */
  readonly differing: Differences
  /** Tracked files that are not as the index (`from`) says. */
  readonly changed: Differences
}

/**
 * Saves what the checkout of `next` would overwrite and nobody else has: changed tracked files, and files of nobody's
 * that stand in its way, as a commit `refs/deployhook/dirty/<deployment>` on top of what was deployed. What is exactly
 * as the deployed, the next, the last built or an interrupted revision has it needs no saving.
 * Returns what stands in the way and cannot be saved like that.
 */
export async function saveChanges(
  git: Git,
  tree: Tree,
  { changes, deployment, note }: { changes: Changes; deployment: number; note: (text: string) => Promise<void> },
): Promise<InTheWay> {
  const inTheWay = await findInTheWay(tree.workTree, changes)
  const candidates = [...new Set([...changes.changed.keys(), ...inTheWay.files])]
  if (candidates.length === 0) return inTheWay

  const scratch = { ...tree, indexFile: `${indexFile(tree)}.saving` }
  try {
    await copyIndex(tree, scratch.indexFile)
    await stageAsOnDisk(git, scratch, candidates)
    const found = await git.indexed(scratch)
    const known = [...indexAndNext(candidates, changes), ...(await builtAndInterrupted(git, tree))]
    const own: TreePath[] = []
    for (const path of candidates) {
      const asStored = found.get(path)
      if (isKnown(path, asStored, known)) continue
      const asBytes = await entryOfBytes(tree, path)
      if (asBytes === null || !isKnown(path, asBytes, known)) own.push(path)
    }
    if (own.length > 0) {
      const broken = await brokenLooseObjects(tree.gitDir)
      if (broken.length > 0) throw new GitCommandError('update-index', 128, `loose object ${broken[0]} is corrupt`)
      await note(await commitOwn(git, scratch, { tree, own, deployment }))
    }
  } finally {
    await rm(scratch.indexFile, { force: true })
  }
  return inTheWay
}

/** What the two have of these paths; one that is neither changed nor in the way of anything is in none. */
function indexAndNext(paths: readonly TreePath[], { differing, changed }: Changes): readonly Entries[] {
  const [index, next] = [new Map<TreePath, Entry>(), new Map<TreePath, Entry>()]
  for (const path of paths) {
    const same = changed.get(path)?.from ?? null
    const { from, to } = differing.get(path) ?? { from: same, to: same }
    if (from !== null) next.set(path, from)
    if (to !== null) index.set(path, to)
  }
  return [index, next]
}

/** A file that is as somebody has it, or gone as in one of them, is not the owner's own doing. */
function isKnown(path: TreePath, found: Entry | undefined, known: readonly Entries[]): boolean {
  return known.some((entries) => {
    const entry = entries.get(path)
    return entry?.id === found?.id && entry?.mode === found?.mode
  })
}

/**
 * The file as an entry whose bytes nobody converted; null for what is no file. git calls a file changed for ever when an attribute asks for other
 * line endings than were committed; byte for byte it is still what was checked out.
 */
async function entryOfBytes(tree: Tree, path: TreePath): Promise<Entry | null> {
  const file = onDisk(tree.workTree, path)
  const found = await lstat(file).catch(() => null)
  if (found?.isFile() !== true) return null
  const hash = createHash('sha1').update(`blob ${found.size}\0`)
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return { mode: (found.mode & 0o100) === 0 ? '100644' : '100755', id: hash.digest('hex') }
}

async function builtAndInterrupted(git: Git, tree: Tree): Promise<readonly Entries[]> {
  const { built, underway }: TreeMemory = await tree.memory()
  const known: Entries[] = []
  for (const treeish of [built, underway]) {
    if (treeish !== null) known.push(await git.filesOf(tree, treeish).catch(noneIfGone))
  }
  return known.filter((entries) => entries.size > 0)
}

/** For files of what may have gone with a deleted mirror. */
export function noneIfGone(error: unknown): Entries {
  if (error instanceof GitCommandError) return new Map()
  throw error
}
