import { realpathSync } from 'node:fs'
import { dirname, join, basename } from 'node:path'

/** Where `path` (absolute) lies once every symlink in its existing part is resolved; the rest is kept as written. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realPath(parent), basename(path))
  }
}
