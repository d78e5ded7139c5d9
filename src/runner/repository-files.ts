import { lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { keepFile } from './replace-file.ts'

/**
 * Makes an empty repository by plain file writes (no template, no hooks, nothing of the machine's configuration),
 * beside and then renamed, so that a half-made one is never taken for one. Leaves an existing directory alone.
 */
export async function layOutRepository(directory: string): Promise<void> {
  if (await exists(directory)) return
  const beside = `${directory}.new`
  await rm(beside, { recursive: true, force: true })
  await layOutMissing(beside)
  await writeFile(join(beside, 'HEAD'), noHead)
  await rename(beside, directory)
}

/** Makes the directories that git needs to take it for a repository. */
export async function layOutMissing(directory: string): Promise<void> {
  const inside = ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags']
  await Promise.all(inside.map((name) => mkdir(join(directory, name), { recursive: true, mode: 0o700 })))
}

/** HEAD of a repository that has nothing yet. */
export const noHead = 'ref: refs/heads/none\n'

/** Its whole configuration, as it is to be before each use. */
export async function writeRepositoryConfig(
  directory: string,
  { bare }: { readonly bare: 'true' | 'false' },
): Promise<void> {
  await keepFile(join(directory, 'config'), `[core]\n\trepositoryformatversion = 0\n\tbare = ${bare}\n`)
}

/**
 * Removes what a git that was killed left behind: lock files, and packs it was still receiving. Only for a repository
 * of ours, by who holds it alone: no git lives in it. Says which files those were, relative to it.
 */
export async function removeLeftovers(directory: string): Promise<readonly string[]> {
  const found = await leftoversIn(directory)
  for (const name of found) await rm(join(directory, name), { force: true })
  return found
}

/** Lock files and half-received packs, relative to the directory: of a git that was killed, or of one that is at work. */
export async function leftoversIn(directory: string): Promise<readonly string[]> {
  const flat = ['', 'objects/info', 'objects/pack'].map((place) => filesIn(directory, place))
  const files = (await Promise.all([...flat, filesBelow(directory, 'refs')])).flat()
  return files.filter(isLeftover)
}

export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null
}

function isLeftover(name: string): boolean {
  return name.endsWith('.lock') || /^objects\/pack\/(?:\.?tmp[_-]|.*\.temp$)/.test(name)
}

async function filesIn(directory: string, place: string): Promise<readonly string[]> {
  const entries = await list(join(directory, place))
  return entries.filter((entry) => entry.isFile()).map(({ name }) => join(place, name))
}

async function filesBelow(directory: string, place: string): Promise<readonly string[]> {
  const entries = await list(join(directory, place))
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(place, name))
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => join(place, name))
  return [...files, ...(await Promise.all(below.map((each) => filesBelow(directory, each)))).flat()]
}

async function list(directory: string) {
  return readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  })
}
