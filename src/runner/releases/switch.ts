import { rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { syncPath } from '../../lib/sync-path.ts'
import type { Layout } from './layout.ts'

/**
 * Makes `current` lead to a release, in one step: whoever looks sees the old one or the new one, never none. It lasts through a
 * power cut. `ln -sfn` would not do: it removes the old link first.
 */
export async function switchTo({ path, current }: Layout, release: string): Promise<void> {
  const beside = `${current}.deployhook-new`
  await rm(beside, { force: true })
  await symlink(join('releases', release), beside)
  await rename(beside, current)
  await syncPath(path)
}
