import { join } from 'node:path'
import { parseRevision } from '../model/revision.ts'
import type { Borrower } from './borrowers.ts'
import { GitCommandError } from './git-command-error.ts'
import type { Git } from './git.ts'
import { readRegular } from './read-regular.ts'
import { readMemory } from './tree.ts'
import { headOf } from './tree-directory.ts'

/**
 * The objects of the mirror which, kept by refs, keep all that a tree or a view borrows. null: that cannot be told, for
 * something of it is broken or gone.
 */
export async function neededBy(
  { kind, gitDir }: Borrower,
  { git, mirror }: { readonly git: Git; readonly mirror: string },
): Promise<readonly string[] | null> {
  try {
    return await (kind === 'tree' ? neededByTree : neededByView)(gitDir, { git, mirror })
  } catch (error) {
    if (error instanceof GitCommandError) return null
    throw error
  }
}

type Place = { readonly git: Git; readonly mirror: string }

/**
 * What HEAD, the saved and adopted refs, the tree as built and an interrupted checkout lead to. Mostly that is HEAD
 * alone. What was saved may also lead to commits that were rewritten away since, and to single files: git stores none
 * that the mirror has already.
 */
async function neededByTree(gitDir: string, { git, mirror }: Place): Promise<readonly string[]> {
  const tree = { gitDir }
  const [named, memory] = await Promise.all([headOf(gitDir), readMemory(gitDir)])
  const known = [named, memory.underway, memory.built].filter((id) => id !== null)
  const there = await git.having(tree, known)
  const ifThere = (id: string | null): string | null => (id !== null && there.has(id) ? id : null)
  const [head, underway, built] = [ifThere(named), ifThere(memory.underway), ifThere(memory.built)]
  const heads = head === null ? [] : [head]
  const commits = await git.commits(tree, { roots: underway === null ? [] : [underway], not: heads })
  const held = await git.having({ gitDir: mirror }, [...heads, ...commits.map(({ id }) => id)])
  const parents = new Set(commits.filter(({ id }) => held.has(id)).flatMap((commit) => commit.parents))
  const newest = [...held].filter((id) => !parents.has(id))

  const roots = [underway, built].filter((id) => id !== null)
  const objects = await git.objects(tree, { roots, not: newest })
  return [...newest, ...(await git.having({ gitDir: mirror }, objects))]
}

/** What it was made with: its revision, and tags that the remote may have deleted since. Read as text: git never runs there. */
async function neededByView(gitDir: string, { git, mirror }: Place): Promise<readonly string[]> {
  const place = { gitDir: mirror }
  const texts = await Promise.all(
    ['HEAD', 'deployhook-revision', 'packed-refs'].map((name) => readRegular(join(gitDir, name), maxRefBytes)),
  )
  const ids = new Set(texts.flatMap((text) => text.split(/[^0-9a-f]+/)).filter((id) => parseRevision(id) !== null))
  const tags = new Set((await git.refs(place, 'refs/tags')).flatMap(({ id, peeled }) => [id, peeled]))
  return [
    ...(await git.having(
      place,
      [...ids].filter((id) => !tags.has(id)),
    )),
  ]
}

/** Of some ten thousand tags; a step may have written anything. */
const maxRefBytes = 4 * 2 ** 20
