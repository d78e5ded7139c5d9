import { constants } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Revision } from '../model/revision.ts'
import type { Git } from './git.ts'
import { noneIfGone } from './save-changes.ts'
import type { Tree } from './tree.ts'
import { onDisk, treePath, type TreePath } from './tree-path.ts'
import type { ReleaseOptions } from './workspace.ts'

/**
 * Lets the large files of an empty work tree share their disk blocks with an earlier release's (reflinks, as btrfs and XFS have them: each
 * stays a file of its own). That saves room and nothing else: git compares what they hold with the revision, so that the
 * checkout writes anew what a step has changed since.
 */
export async function shareBlocks(
  git: Git,
  tree: Tree,
  { earlier, revision }: { readonly earlier: NonNullable<ReleaseOptions['earlier']>; readonly revision: Revision },
): Promise<void> {
  const next = await git.filesOf(tree, revision)
  const before = await git.filesOf(tree, earlier.revision).catch(noneIfGone)
  const same = [...next].filter(([path, { mode, id }]) => {
    const was = before.get(path)
    return mode.startsWith('100') && was?.mode === mode && was.id === id
  })
  let shared = 0
  for (const [path, { mode }] of same) {
    const from = onDisk(earlier.directory, path)
    const found = await lstat(from).catch(() => null)
    if (found?.isFile() !== true || found.size < largeBytes) continue
    if (!(await sharesOne(path, { from, to: tree.workTree, mode }))) break
    shared += 1
  }
  if (shared === 0) return
  await git.loadIndex(tree, revision)
  await git.refreshIndex(tree)
}

/** Below it, what is saved is less than what it costs to compare. */
const largeBytes = 128 * 1024

/** false: this file system has no reflinks, or something is wrong with it; the checkout will tell. */
async function sharesOne(
  path: TreePath,
  { from, to, mode }: { readonly from: Buffer; readonly to: string; readonly mode: string },
): Promise<boolean> {
  const target = onDisk(to, path)
  try {
    await mkdir(onDisk(to, treePath(dirname(path))), { recursive: true })
    const made = await open(target, 'wx', mode === '100755' ? 0o777 : 0o666)
    const { mode: asGitMakesIt } = await made.stat().finally(() => made.close())
    await copyFile(from, target, constants.COPYFILE_FICLONE_FORCE)
    await chmod(target, asGitMakesIt & 0o777) // the copy has the mode of the original, which a step may have changed
    return true
  } catch {
    return false
  }
}
