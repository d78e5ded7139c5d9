import { lstat, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { SharedPath } from '../../model/deploy-map.ts'
import { exists } from '../repository-files.ts'

/**
 * Links what the releases of an app share into a new one. What is not there yet is made: of what the repository has, else empty.
 * What is there is never changed, whatever the repository has. Answers what makes that impossible, or null.
 */
export async function linkShared(
  paths: readonly SharedPath[],
  {
    release,
    final,
    shared,
  }: { readonly release: string; /** Where the release will lie. */ readonly final: string; readonly shared: string },
): Promise<string | null> {
  for (const { path, kind } of paths) {
    const [inRelease, inShared] = [join(release, path), join(shared, path)]
    const problem = (await parentProblem(release, path)) ?? (await parentProblem(shared, path))
    if (problem !== null) return problem
    await mkdir(dirname(inShared), { recursive: true, mode: 0o755 })
    if (!(await exists(inShared))) await makeFirst(inShared, { from: inRelease, kind, path })
    await rm(inRelease, { recursive: true, force: true })
    await mkdir(dirname(inRelease), { recursive: true })
    await symlink(relative(dirname(join(final, path)), inShared), inRelease)
  }
  return null
}

/** Across file systems nothing is moved: path and shared are one directory's. */
async function makeFirst(target: string, { from, kind, path }: SharedPath & { readonly from: string }): Promise<void> {
  const found = await lstat(from).catch(() => null)
  if (found !== null && !found.isSymbolicLink() && (kind === null || found.isDirectory())) return rename(from, target)
  if (kind === 'directory' || !basename(path).includes('.')) await mkdir(target, { mode: 0o755 })
  else await writeFile(target, '', { flag: 'wx', mode: 0o600 })
}

/** A link on the way would lead what is made out of the directory. */
async function parentProblem(root: string, path: string): Promise<string | null> {
  const parents = path.split('/').slice(0, -1)
  for (const [index] of parents.entries()) {
    const parent = join(root, ...parents.slice(0, index + 1))
    const found = await lstat(parent).catch(() => null)
    if (found === null) return null
    if (!found.isDirectory())
      return `shared: ${path} cannot be linked, because ${parents.slice(0, index + 1).join('/')} is no directory ${root.endsWith('/shared') ? `in ${root}` : 'in the repository'}`
  }
  return null
}
