import { constants, open } from 'node:fs/promises'
import { errorCode } from '../lib/error-code.ts'
import type { Specials } from './git-output.ts'
import type { Git } from './git.ts'
import type { Tree } from './tree.ts'
import { onDisk, shownList, type TreePath } from './tree-path.ts'

/** Warns of what a checkout leaves undone: submodules are empty directories, LFS files are pointers. */
export async function noteUnsupported(
  git: Git,
  tree: Tree,
  { specials, note }: { readonly specials: Specials; readonly note: (text: string) => Promise<void> },
): Promise<void> {
  const { submodules, attributes } = specials
  if (submodules.length > 0)
    await note(`warning: submodules are not fetched, these directories are empty: ${shownList(submodules)}`)
  if (!(await usesLfs(tree, attributes))) return
  const pointers: TreePath[] = []
  for (const path of await git.filesInLfs(tree))
    if ((await beginningOf(tree, { path, bytes: 200 })).startsWith(lfsPointer)) pointers.push(path)
  if (pointers.length > 0)
    await note(`warning: Git LFS is not supported, these files are pointers and not the files: ${shownList(pointers)}`)
}

/** https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: every pointer begins with this line. */
const lfsPointer = 'version https://git-lfs.github.com/spec/v1'

async function usesLfs(tree: Tree, attributes: readonly TreePath[]): Promise<boolean> {
  for (const path of attributes)
    if ((await beginningOf(tree, { path, bytes: 65_536 })).includes('filter=lfs')) return true
  return false
}

/** '' for what is no regular file. */
async function beginningOf(tree: Tree, { path, bytes }: { path: TreePath; bytes: number }): Promise<string> {
  try {
    await using file = await open(
      onDisk(tree.workTree, path),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    )
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } catch (error) {
    if (errorCode(error) !== null) return ''
    throw error
  }
}
