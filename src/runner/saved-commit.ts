import { rm } from 'node:fs/promises'
import { shellWord } from '../lib/shell.ts'
import type { Revision } from '../model/revision.ts'
import { GitCommandError } from './git-command-error.ts'
import type { Git } from './git.ts'
import { copyIndex, stageAsOnDisk, type Scratch } from './scratch-index.ts'
import type { Tree } from './tree.ts'
import { shownList, type TreePath } from './tree-path.ts'

/** Commits `own` and says, in words for the log, what was saved and how to get it back. */
export async function commitOwn(
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
