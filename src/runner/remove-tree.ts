import { rm } from 'node:fs/promises'

/** Removes what stands at a path, and never what a symbolic link in it leads to. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
}
