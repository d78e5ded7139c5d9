import { lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { errorCode } from './error-code.ts'

/** Where a path really lies, or the system's code for why that cannot be said: `ELOOP`, `ENOTDIR`, `EACCES`, … */
export type RealPath = { readonly real: string } | { readonly code: string }

/** What one look has found already: thousands of paths may lie in one directory that does not exist yet. */
export type KnownPaths = Map<string, RealPath>

/**
 * Where an absolute path lies once every symbolic link is followed, also when its end does not exist yet: the deepest
 * part that exists is resolved, and a link to nothing is followed too.
 */
export function findRealPath(path: string, known: KnownPaths = new Map()): RealPath {
  return find(path, { known, hops: 0 })
}

/** The same as far as it can be said; the rest is kept as written. */
export function realPath(path: string): string {
  const found = findRealPath(path)
  if ('real' in found) return found.real
  const parent = dirname(path)
  return parent === path ? path : join(realPath(parent), basename(path))
}

type Search = { readonly known: KnownPaths; readonly hops: number }

/** What Linux follows in one path (path_resolution(7)). */
const maxHops = 40

function find(path: string, { known, hops }: Search): RealPath {
  const found = known.get(path) ?? look(path, { known, hops })
  // Behind links it may only be that there were too many before it.
  if (hops === 0) known.set(path, found)
  return found
}

function look(path: string, { known, hops }: Search): RealPath {
  try {
    // Asked first, because an error costs more than an answer.
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return { real: realpathSync.native(path) }
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    if (code !== 'ENOENT') return { code }
    const target = linkAt(path)
    if (target !== null) return hops < maxHops ? find(resolve(dirname(path), target), { known, hops: hops + 1 }) : loop
  }
  const parent = dirname(path)
  if (parent === path) return { real: path }
  const above = find(parent, { known, hops })
  return 'code' in above ? above : { real: join(above.real, basename(path)) }
}

const loop: RealPath = { code: 'ELOOP' }

function linkAt(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
