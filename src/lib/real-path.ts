import { readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { errorCode } from './error-code.ts'

/** Where a path really lies, or the system's code for why that cannot be said: `ELOOP`, `ENOTDIR`, `EACCES`, … */
export type RealPath = { readonly real: string } | { readonly code: string }

/**
 * Where an absolute path lies once every symbolic link is followed, also when its end does not exist yet: the deepest
 * part that exists is resolved, and a link to nothing is followed too.
 */
export function findRealPath(path: string, hops = 0): RealPath {
  try {
    return { real: realpathSync.native(path) }
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    if (code !== 'ENOENT') return { code }
    return hops < maxHops ? findMissing(path, hops) : { code: 'ELOOP' }
  }
}

/** The same as far as it can be said; the rest is kept as written. */
export function realPath(path: string): string {
  const found = findRealPath(path)
  if ('real' in found) return found.real
  const parent = dirname(path)
  return parent === path ? path : join(realPath(parent), basename(path))
}

/** What Linux follows in one path (path_resolution(7)). */
const maxHops = 40

function findMissing(path: string, hops: number): RealPath {
  const target = linkAt(path)
  if (target !== null) return findRealPath(resolve(dirname(path), target), hops + 1)
  const parent = dirname(path)
  if (parent === path) return { real: path }
  const above = findRealPath(parent, hops)
  return 'code' in above ? above : { real: join(above.real, basename(path)) }
}

function linkAt(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
