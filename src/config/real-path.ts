import { readlink, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { codeOf } from './read-file.ts'

/** Where a path really is, or why that cannot be said. */
export type RealPath = { readonly real: string } | { readonly problem: string }

/** What was found out already: the directories above the apps' paths are mostly the same. */
export type KnownPaths = Map<string, Promise<RealPath>>

/**
 * The path with every symbolic link followed, also when its end does not exist yet: the deepest part that exists is
 * resolved, and a link to nothing is followed too.
 */
export async function realPathOf(
  path: string,
  { known = new Map(), hops = 0 }: { readonly known?: KnownPaths; readonly hops?: number } = {},
): Promise<RealPath> {
  const before = known.get(path)
  if (before !== undefined && hops === 0) return before
  const found = lookUp(path, { known, hops })
  if (hops === 0) known.set(path, found)
  return found
}

type Search = { readonly known: KnownPaths; readonly hops: number }

async function lookUp(path: string, search: Search): Promise<RealPath> {
  try {
    return { real: await realpath(path) }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return search.hops < maxHops ? lookUpMissing(path, search) : { problem: sentences.ELOOP }
    if (code === null) throw error
    return { problem: code in sentences ? sentences[code as keyof typeof sentences] : `cannot be looked at (${code})` }
  }
}

/** What Linux follows in one path (path_resolution(7)). */
const maxHops = 40

const sentences = {
  ELOOP: 'leads through symbolic links that go round in a circle',
  ENOTDIR: 'leads through a file that is not a directory',
  EACCES: 'leads through a directory that this user may not enter',
  ENAMETOOLONG: 'is too long',
}

async function lookUpMissing(path: string, { known, hops }: Search): Promise<RealPath> {
  const target = await readlink(path).catch(() => null)
  if (target !== null) return realPathOf(resolve(dirname(path), target), { known, hops: hops + 1 })
  const parent = dirname(path)
  if (parent === path) return { real: path }
  const above = await realPathOf(parent, { known, hops })
  return 'problem' in above ? above : { real: join(above.real, basename(path)) }
}
