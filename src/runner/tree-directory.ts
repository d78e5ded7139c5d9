import { join } from 'node:path'
import { parseRevision, type Revision } from '../model/revision.ts'
import { readRegular } from './read-regular.ts'

/** `<state>/trees/<app>.git`: see `Tree`. */
export function treeDirectory(stateDirectory: string, app: string): string {
  return join(stateDirectory, 'trees', `${app}.git`)
}

/** The commit that a tree's index was made from; null before the first, and when the file is broken. */
export async function headOf(gitDir: string): Promise<Revision | null> {
  const text = await readRegular(join(gitDir, 'HEAD'), 1_000)
  return parseRevision(text.trim())
}
