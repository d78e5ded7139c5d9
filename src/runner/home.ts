import { access, constants, lchown, mkdir, stat } from 'node:fs/promises'
import type { Identity } from './identity.ts'
import { canWriteTo } from './look-as.ts'

/** The user's home directory if steps can write to it, else `standIn`, made (0700) when needed. */
export async function usableHome(home: string, standIn: string): Promise<string> {
  if (await isWritableDirectory(home)) return home
  await mkdir(standIn, { recursive: true, mode: 0o700 })
  return standIn
}

/** The same for another user, to whom the stand-in is given: it lies where the user cannot exchange it. */
export async function usableHomeOf(user: Identity, standIn: string): Promise<string> {
  if (await canWriteTo(user, user.home)) return user.home
  await mkdir(standIn, { recursive: true, mode: 0o700 })
  await lchown(standIn, user.uid, user.gid)
  return standIn
}

/** Of a user without one, below the app's path: the state directory is closed to other users. */
export const ownHome = '.home'

async function isWritableDirectory(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK | constants.X_OK)
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
