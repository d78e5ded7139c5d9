import { open, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
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
  await syncDirectory(path)
}

/** Names made, changed or removed in a directory last from here on. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
