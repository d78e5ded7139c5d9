import { open } from 'node:fs/promises'

/** Writes a file to the disk; of a directory, the names in it: what was made, renamed or removed there lasts from here on. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
