import { lstatSync } from 'node:fs'
import { findRealPath, type KnownPaths } from '../lib/real-path.ts'

/** Where a path really is and whether itself is a symbolic link, or a sentence on why that cannot be said. */
export type RealPath = { readonly real: string; readonly isLink: boolean } | { readonly problem: string }

export function realPathOf(path: string, known?: KnownPaths): RealPath {
  const found = findRealPath(path, known)
  if ('real' in found) return { ...found, isLink: isLink(path) }
  return { problem: sentences[found.code] ?? `cannot be looked at (${found.code})` }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

const sentences: Readonly<Record<string, string>> = {
  ELOOP: 'leads through symbolic links that go round in a circle',
  ENOTDIR: 'leads through a file that is not a directory',
  EACCES: 'leads through a directory that this user may not enter',
  ENAMETOOLONG: 'is too long',
}
