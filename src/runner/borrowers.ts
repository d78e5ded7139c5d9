import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readRegular } from './read-regular.ts'

/** A git directory that uses objects of a mirror: an app's tree, its view, or a view that was kept for its commits. */
export type Borrower = { readonly app: string; readonly kind: 'tree' | 'view'; readonly gitDir: string }

/** All that borrow from this mirror, also those of apps that are gone. */
export async function borrowersOf(mirror: string, stateDirectory: string): Promise<readonly Borrower[]> {
  const found: Borrower[] = []
  for (const { folder, kind, name, app: known } of [...places, ...(await placesOfReleases(stateDirectory))]) {
    for (const entry of await readdir(join(stateDirectory, folder)).catch(() => [])) {
      const match = name.exec(entry)
      const app = match?.[1] ?? (match === null ? undefined : known)
      const gitDir = join(stateDirectory, folder, entry)
      if (app !== undefined && (await borrows(gitDir, mirror))) found.push({ app, kind, gitDir })
    }
  }
  return found
}

type Place = Pick<Borrower, 'kind'> & {
  readonly folder: string
  /** Of an entry; its first group is the app, unless that is known. */
  readonly name: RegExp
  readonly app?: string
}

const places: readonly Place[] = [
  { folder: 'trees', kind: 'tree', name: /^([a-z0-9][a-z0-9_-]*)\.git$/ },
  { folder: 'views', kind: 'view', name: /^([a-z0-9][a-z0-9_-]*)\.git$/ },
  { folder: 'adopted', kind: 'view', name: /^([a-z0-9][a-z0-9_-]*)-\d+-view(?:-\d+)?\.git$/ },
]

/** Every release has a view of its own. */
async function placesOfReleases(stateDirectory: string): Promise<readonly Place[]> {
  const names = await readdir(join(stateDirectory, 'views')).catch(() => [])
  return names.flatMap((entry): readonly Place[] => {
    const app = /^([a-z0-9][a-z0-9_-]*)\.releases$/.exec(entry)?.[1]
    return app === undefined ? [] : [{ folder: join('views', entry), kind: 'view', app, name: /\.git$/ }]
  })
}

async function borrows(gitDir: string, mirror: string): Promise<boolean> {
  const alternates = await readRegular(join(gitDir, 'objects/info/alternates'), 65_536)
  return alternates.split('\n').includes(Buffer.from(join(mirror, 'objects')).toString('latin1'))
}
