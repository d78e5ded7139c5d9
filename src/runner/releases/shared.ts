import { lstat, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { errorCode } from '../../lib/error-code.ts'
import type { SharedPath } from '../../model/deploy-map.ts'
import type { Identity } from '../identity.ts'
import { exists } from '../repository-files.ts'
import { exchangeProblem, giveTo } from './ownership.ts'

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
    user,
  }: {
    readonly release: string
    /** Where the release will lie. */
    readonly final: string
    readonly shared: string
    /** Whose it is to be, when not the daemon's. */
    readonly user: Identity | null
  },
): Promise<string | null> {
  for (const { path, kind } of paths) {
    const [inRelease, inShared] = [join(release, path), join(shared, path)]
    const problem = (await parentProblem(release, path)) ?? (await parentProblem(shared, path))
    if (problem !== null) return problem
    const exchange = user === null ? null : await exchangeProblem(dirname(inShared), user)
    if (exchange !== null) return exchange
    await mkdir(dirname(inShared), { recursive: true, mode: 0o755 })
    if (!(await exists(inShared))) {
      await makeFirst(inRelease, { kind, path })
      // In the release, which nobody else can reach yet, so that it is whole where they can.
      const notGiven = user === null ? null : await giveTo(user, inRelease)
      if (notGiven !== null) return notGiven
      const elsewhere = await moved(inRelease, inShared)
      if (elsewhere !== null) return elsewhere
    }
    await rm(inRelease, { recursive: true, force: true })
    await mkdir(dirname(inRelease), { recursive: true })
    await symlink(relative(dirname(join(final, path)), inShared), inRelease)
  }
  return null
}

/** Within one file system it is whole at every moment; between two it would not be. */
async function moved(from: string, to: string): Promise<string | null> {
  try {
    await rename(from, to)
    return null
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error
    return `${to} lies on another file system than the releases, and nothing is there yet: make it, with what the app needs at first`
  }
}

/** What the repository has, or else something empty: to be moved, which is within one file system. */
async function makeFirst(target: string, { kind, path }: SharedPath): Promise<void> {
  const found = await lstat(target).catch(() => null)
  if (found !== null && !found.isSymbolicLink() && (kind === null || found.isDirectory())) return
  await rm(target, { recursive: true, force: true })
  await mkdir(dirname(target), { recursive: true })
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
