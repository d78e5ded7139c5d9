import { copyFile, constants, rm } from 'node:fs/promises'
import { GitCommandError, type Entries, type Entry, type Git } from './git.ts'
import { createLook, findInTheWay, type InTheWay } from './in-the-way.ts'
import { exists } from './repository-files.ts'
import { indexFile, type Tree, type TreeMemory } from './tree.ts'
import { shownList, type TreePath } from './tree-path.ts'
import type { Revision } from '../model/revision.ts'

export type Changes = {
  readonly index: Entries
  readonly next: Entries
  /** Tracked files that are not as the index says. */
  readonly changed: readonly TreePath[]
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
  const { index, next, changed } = changes
  const inTheWay = await findInTheWay(tree.workTree, { index, next, changed: new Set(changed) })
  const candidates = [...new Set([...changed, ...inTheWay.files])]
  if (candidates.length === 0) return inTheWay

  const scratch = { ...tree, indexFile: `${indexFile(tree)}.saving` }
  try {
    await copyIndex(tree, scratch.indexFile)
    await stageAsOnDisk(git, scratch, candidates)
    const found = await git.indexed(scratch)
    const known = [index, next, ...(await builtAndInterrupted(git, tree))]
    const own = candidates.filter((path) => isOwn(path, found.get(path), known))
    if (own.length > 0) await note(await commitOwn(git, scratch, { tree, own, deployment }))
  } finally {
    await rm(scratch.indexFile, { force: true })
  }
  return inTheWay
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

/** A file that is as somebody has it, or gone as in one of them, is not the owner's own doing. */
function isOwn(path: TreePath, found: Entry | undefined, known: readonly Entries[]): boolean {
  return !known.some((entries) => {
    const entry = entries.get(path)
    return entry?.id === found?.id && entry?.mode === found?.mode
  })
}

async function builtAndInterrupted(git: Git, tree: Tree): Promise<readonly Entries[]> {
  const { built, underway }: TreeMemory = await tree.memory()
  const known: Entries[] = []
  for (const treeish of [built, underway]) {
    if (treeish !== null) known.push(await git.filesOf(tree, treeish).catch(noneIfGone))
  }
  return known.filter((entries) => entries.size > 0)
}

/** Their objects may have gone with a deleted mirror. */
function noneIfGone(error: unknown): Entries {
  if (error instanceof GitCommandError) return new Map()
  throw error
}

type Scratch = Tree & { readonly indexFile: string }

async function copyIndex(tree: Tree, to: string): Promise<void> {
  await rm(to, { force: true })
  if (await exists(indexFile(tree))) await copyFile(indexFile(tree), to, constants.COPYFILE_FICLONE)
}

async function stageAsOnDisk(git: Git, scratch: Scratch, paths: readonly TreePath[]): Promise<void> {
  const look = createLook(scratch.workTree)
  const present: TreePath[] = []
  const absent: TreePath[] = []
  for (const path of paths) ((await look(path)).kind === 'file' ? present : absent).push(path)
  await git.stage(scratch, { present, absent })
}

/** Commits `own` and says, in words for the log, what was saved and how to get it back. */
async function commitOwn(
  git: Git,
  scratch: Scratch,
  { tree, own, deployment }: { tree: Tree; own: readonly TreePath[]; deployment: number },
): Promise<string> {
  const base = await baseOf(git, tree)
  await rm(scratch.indexFile, { force: true })
  if (base !== null) await copyIndex(tree, scratch.indexFile)
  await stageAsOnDisk(git, scratch, own)
  const message = `deployhook: local changes found before deployment ${deployment}\n`
  const parent =
    base ??
    (await git.commitTree(tree, {
      tree: await git.emptyTree(tree),
      parent: null,
      message: 'deployhook: nothing deployed\n',
    }))
  const saved = await git.writeTree(scratch)
  const ref = await freeRef(git, tree, { saved, deployment })
  await git.setRef(tree, ref, await git.commitTree(tree, { tree: saved, parent, message }))
  await keepNewest(git, tree)
  return savedText(tree, ref, own)
}

/** The commit that the index is exactly, so that the saved commit shows what the owner changed; null when there is none. */
async function baseOf(git: Git, tree: Tree): Promise<Revision | null> {
  const { underway } = await tree.memory()
  try {
    const indexed = await git.writeTree(tree)
    for (const commit of [await tree.head(), underway]) {
      if (commit !== null && (await git.treeOf(tree, commit)) === indexed) return commit
    }
  } catch (error) {
    if (!(error instanceof GitCommandError)) throw error
  }
  return null
}

const savedRefs = 'refs/deployhook/dirty/'

/** An earlier attempt of the same deployment may have saved something else: it keeps its name. */
async function freeRef(
  git: Git,
  tree: Tree,
  { saved, deployment }: { saved: string; deployment: number },
): Promise<string> {
  for (let number = 1; ; number++) {
    const ref = `${savedRefs}${deployment}${number === 1 ? '' : `-${number}`}`
    const taken = await git.commitOf(tree, ref)
    if (taken === null || (await git.treeOf(tree, taken)) === saved) return ref
  }
}

async function keepNewest(git: Git, tree: Tree): Promise<void> {
  const names = (await git.refs(tree, savedRefs)).map(({ name }) => name)
  for (const name of savedRefsToDrop(names)) await git.deleteRef(tree, name)
}

/** All but the newest 20, by deployment and attempt. */
export function savedRefsToDrop(names: readonly string[]): readonly string[] {
  const rank = (name: string): readonly [number, number] => {
    const [deployment = '0', attempt = '1'] = name.slice(savedRefs.length).split('-')
    return [Number(deployment), Number(attempt)]
  }
  const newestFirst = names.toSorted((a, b) => rank(b)[0] - rank(a)[0] || rank(b)[1] - rank(a)[1])
  return newestFirst.slice(20)
}

function savedText(tree: Tree, ref: string, own: readonly TreePath[]): string {
  const git = `git -C ${shellWord(tree.workTree)} --git-dir=${shellWord(tree.gitDir)} --work-tree=.`
  return [
    `Saved before the checkout, as they are not as deployed: ${shownList(own)}`,
    `  to look at them: ${git} show ${ref}`,
    `  to get them back: ${git} diff --name-only --no-renames --diff-filter=d -z ${ref}^ ${ref} | ${git} --literal-pathspecs restore --source=${ref} --pathspec-from-file=- --pathspec-file-nul`,
  ].join('\n')
}

function shellWord(text: string): string {
  return /^[A-Za-z0-9_.,:@=+/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
