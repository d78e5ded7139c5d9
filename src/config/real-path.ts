import { findRealPath } from '../lib/real-path.ts'

/** Where a path really is, or a sentence on why that cannot be said. */
export type RealPath = { readonly real: string } | { readonly problem: string }

export function realPathOf(path: string): RealPath {
  const found = findRealPath(path)
  return 'real' in found ? found : { problem: sentences[found.code] ?? `cannot be looked at (${found.code})` }
}

const sentences: Readonly<Record<string, string>> = {
  ELOOP: 'leads through symbolic links that go round in a circle',
  ENOTDIR: 'leads through a file that is not a directory',
  EACCES: 'leads through a directory that this user may not enter',
  ENAMETOOLONG: 'is too long',
}
