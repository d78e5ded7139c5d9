import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readRegular } from './read-regular.ts'

/** A git directory that uses objects of a mirror: an app's tree, its view, or a view that was kept for its commits. */
export type Borrower = { readonly app: string; readonly kind: 'tree' | 'view'; readonly gitDir: string }

/** All that borrow from this mirror, also those of apps that are gone. */
export async function borrowersOf(mirror: string, stateDirectory: string): Promise<readonly Borrower[]> {
  const found: Borrower[] = []
  for (const { folder, kind, name } of places) {
    for (const entry of await readdir(join(stateDirectory, folder)).catch(() => [])) {
      const app = name.exec(entry)?.[1]
      const gitDir = join(stateDirectory, folder, entry)
      if (app !== undefined && (await borrows(gitDir, mirror))) found.push({ app, kind, gitDir })
    }
  }
  return found
}

const places = [
  { folder: 'trees', kind: 'tree', name: /^([a-z0-9][a-z0-9_-]*)\.git$/ },
  { folder: 'views', kind: 'view', name: /^([a-z0-9][a-z0-9_-]*)\.git$/ },
  { folder: 'adopted', kind: 'view', name: /^([a-z0-9][a-z0-9_-]*)-\d+-view(?:-\d+)?\.git$/ },
] as const

async function borrows(gitDir: string, mirror: string): Promise<boolean> {
  const alternates = await readRegular(join(gitDir, 'objects/info/alternates'), 65_536)
  return alternates.split('\n').includes(Buffer.from(join(mirror, 'objects')).toString('latin1'))
}
