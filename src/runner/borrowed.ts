import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRevision, type Revision } from '../model/revision.ts'
import { GitCommandError } from './git-command-error.ts'
import type { Git } from './git.ts'
import { hasCommitAtAGlance } from './mirror-glance.ts'
import { readRegular } from './read-regular.ts'
import { headOf, treeDirectory } from './tree-directory.ts'

/** A commit that an app's tree has, and whose objects are the mirror's: a tree holds only what is nobody else's. */
export type Borrowed = { readonly app: string; readonly revision: Revision }

/** In the mirror: no `git gc` can take away what a ref leads to. */
export function borrowedRef({ app, revision }: { readonly app: string; readonly revision: string }): string {
  return `${borrowedRefs}${app}/${revision}`
}

export const borrowedRefs = 'refs/deployhook/borrowed/'

/** What the app's tree was made from. */
export async function borrowedBy(app: string, stateDirectory: string): Promise<readonly Borrowed[]> {
  const revision = await headOf(treeDirectory(stateDirectory, app))
  return revision === null ? [] : [{ app, revision }]
}

/** Whether the mirror has them. */
export type SortedBorrowed = { readonly held: readonly Borrowed[]; readonly lost: readonly Borrowed[] }

/** A directory that is broken, or none at all, has nothing. */
export async function sortBorrowed(
  borrowed: readonly Borrowed[],
  { git, mirror }: { readonly git: Git; readonly mirror: string },
): Promise<SortedBorrowed> {
  const [held, lost]: [Borrowed[], Borrowed[]] = [[], []]
  const has = async (revision: Revision) =>
    (await hasCommitAtAGlance(mirror, revision)) || (await git.commitOf({ gitDir: mirror }, revision)) !== null
  for (const one of borrowed) ((await has(one.revision)) ? held : lost).push(one)
  return { held, lost }
}

/** What all trees borrow from this mirror, also those of apps that are gone: their heads, and what was saved on top of. */
export async function allBorrowedFrom(
  mirror: string,
  { stateDirectory, git }: { readonly stateDirectory: string; readonly git: Git },
): Promise<readonly Borrowed[]> {
  const borrowed: Borrowed[] = []
  for (const app of await appsWithTrees(stateDirectory)) {
    const gitDir = treeDirectory(stateDirectory, app)
    if (!(await alternatesOf(gitDir)).includes(join(mirror, 'objects'))) continue
    borrowed.push(...(await borrowedBy(app, stateDirectory)))
    for (const revision of await savedOnTopOf(git, gitDir)) borrowed.push({ app, revision })
  }
  return borrowed
}

async function appsWithTrees(stateDirectory: string): Promise<readonly string[]> {
  const names = await readdir(join(stateDirectory, 'trees')).catch(() => [])
  return names.filter((name) => name.endsWith('.git')).map((name) => name.slice(0, -'.git'.length))
}

async function alternatesOf(gitDir: string): Promise<readonly string[]> {
  const text = await readRegular(join(gitDir, 'objects/info/alternates'), 65_536)
  return Buffer.from(text, 'latin1').toString('utf8').split('\n')
}

async function savedOnTopOf(git: Git, gitDir: string): Promise<readonly Revision[]> {
  try {
    return (await git.parents({ gitDir }, 'refs/deployhook/dirty')).map(parseRevision).filter((id) => id !== null)
  } catch (error) {
    if (error instanceof GitCommandError) return []
    throw error
  }
}
