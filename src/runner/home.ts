import { access, constants, mkdir, stat } from 'node:fs/promises'

/** The user's home directory if steps can write to it, else `standIn`, made (0700) when needed. */
export async function usableHome(home: string, standIn: string): Promise<string> {
  if (await isWritableDirectory(home)) return home
  await mkdir(standIn, { recursive: true, mode: 0o700 })
  return standIn
}

async function isWritableDirectory(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK | constants.X_OK)
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
