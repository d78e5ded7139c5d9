import { open, rename, rm } from 'node:fs/promises'

/**
 * Writes a file so that it is the old one or the new one at every instant, and the new one after a power cut. Whatever
 * stands at `file` is replaced, never followed; so is `beside`, which a crash may leave. One at a time.
 */
export async function replaceFile(
  file: string,
  text: string,
  { mode = 0o600, beside = `${file}.new` }: { readonly mode?: number; readonly beside?: string } = {},
): Promise<void> {
  await rm(beside, { recursive: true, force: true })
  const handle = await open(beside, 'wx', mode)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, file)
}
