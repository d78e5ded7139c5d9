import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../lib/error-code.ts'
import { releasesToPrune } from '../../model/release.ts'
import { removeTree } from '../remove-tree.ts'
import { exists } from '../repository-files.ts'
import { isHalfMade, type Layout } from './layout.ts'
import { changeRecord, listReleases, readRecord, recordedNames, removeRecord } from './records.ts'

/**
 * Removes the releases that are not needed any more, the record of each last, so that one whose removal was cut off is removed by the next.
 * Answers their names.
 */
export async function pruneReleases(
  layout: Layout,
  wish: { readonly keep: number; readonly needed: ReadonlySet<string> },
): Promise<readonly string[]> {
  const pruned = releasesToPrune(await listReleases(layout), wish).map(({ name }) => name)
  for (const name of pruned) await removeRelease(layout, name)
  return pruned
}

/**
 * What an attempt that was cut off left: a release half made, and the record of one that was never there. A complete one that is not there
 * may come back, with its disk or with the path that deploy.yml said before.
 */
export async function removeHalfMade(layout: Layout): Promise<void> {
  for (const name of await namesIn(layout.releases)) if (isHalfMade(name)) await removeTree(join(layout.releases, name))
  for (const name of await recordedNames(layout)) {
    if (await exists(layout.directoryOf(name))) continue
    if ((await readRecord(layout, name))?.isComplete !== true) await removeRelease(layout, name)
  }
}

/** From its first file on that is gone nobody may take it for a whole one. */
async function removeRelease(layout: Layout, name: string): Promise<void> {
  await changeRecord(layout, name, { isComplete: false })
  await removeTree(layout.directoryOf(name))
  await removeTree(layout.viewOf(name))
  await removeRecord(layout, name)
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  })
}
