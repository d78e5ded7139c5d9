import { open, rename, rm } from 'node:fs/promises'
import { readRegular } from './read-regular.ts'

/**
 * Writes a file so that it is the old one or the new one at every instant, and the new one after a power cut. Whatever
 * stands at `file` is replaced, never followed; so is `beside`, which a crash may leave. One at a time.
 */
export async function replaceFile(
  file: string,
  text: string | Buffer,
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

/** The same for a file that mostly holds that text already: then it is left alone, which spares the disk a sync. */
export async function keepFile(file: string, text: string): Promise<void> {
  const bytes = Buffer.from(text)
  if ((await readRegular(file, bytes.length + 1)) !== bytes.toString('latin1')) await replaceFile(file, text)
}
