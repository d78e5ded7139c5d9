import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import type { App } from '../model/deploy-map.ts'
import { parseRevision, type Revision } from '../model/revision.ts'
import { GitCommandError } from './git-command-error.ts'
import type { Git } from './git.ts'
import { waitForOthers } from './lock-holder.ts'
import { mirrorDirectory } from './mirror.ts'
import { keepFile, replaceFile } from './replace-file.ts'
import {
  exists,
  layOutMissing,
  layOutRepository,
  noHead,
  removeLeftovers,
  writeRepositoryConfig,
} from './repository-files.ts'
import { headOf, treeDirectory } from './tree-directory.ts'
import type { GitContext } from './workspace.ts'

/**
 * The daemon's own repository of an app's tree: index, HEAD and saved refs, with the objects that are nobody else's;
 * all others are borrowed from the mirror. No step ever learns of it.
 */
export type Tree = {
  readonly gitDir: string
  readonly workTree: string
  /** The commit that the index was made from, or null before the first. Its objects may be gone with a deleted mirror. */
  head(): Promise<Revision | null>
  setHead(revision: Revision): Promise<void>
  memory(): Promise<TreeMemory>
  remember(change: Partial<TreeMemory>): Promise<void>
  /** Starts over at the app's path: what is found there is somebody else's. Saved refs stay. */
  startOver(): Promise<void>
}

/** What is known of a tree besides its index. */
export type TreeMemory = {
  /** The path whose files the index is about. */
  readonly path: string | null
  /** The tree object made of the tracked files as the last steps left them. */
  readonly built: string | null
  /** The revision being checked out; still there when that was interrupted. */
  readonly underway: Revision | null
  /** Whether the index surely has neither submodules nor files of attributes. */
  readonly isPlain: boolean
}

/** Makes the repository if need be, and removes what a git that was killed left in it. By who runs the app alone. */
export async function openTree(app: App, stateDirectory: string, context: GitContext): Promise<Tree> {
  const gitDir = treeDirectory(stateDirectory, app.name)
  await mkdir(dirname(gitDir), { recursive: true, mode: 0o700 })
  await layOutRepository(gitDir)
  await layOutMissing(gitDir)
  await writeRepositoryConfig(gitDir, { bare: 'false' })
  await borrowFrom(join(mirrorDirectory(stateDirectory, app.repo), 'objects'), gitDir)
  await waitForOthers(gitDir, context)
  const removed = await removeLeftovers(gitDir)
  if (removed.length > 0)
    await context.note(`git: removed what an interrupted deployment left in ${gitDir}: ${removed.join(', ')}`)

  const memory = () => readMemory(gitDir)
  const remember: Tree['remember'] = async (change) =>
    keepFile(memoryFile(gitDir), `${JSON.stringify({ ...(await memory()), ...change })}\n`)
  return {
    gitDir,
    workTree: app.path,
    head: () => headOf(gitDir),
    setHead: (revision) => replaceFile(join(gitDir, 'HEAD'), `${revision}\n`),
    memory,
    remember,
    async startOver() {
      await rm(join(gitDir, 'index'), { force: true })
      await replaceFile(join(gitDir, 'HEAD'), noHead)
      await remember({ path: app.path, built: null, underway: null, isPlain: false })
    },
  }
}

/** See `TreeMemory`; all null for a directory that is not there. */
export async function readMemory(gitDir: string): Promise<TreeMemory> {
  return parseMemory(await textOf(memoryFile(gitDir)))
}

/**
 * Reads the index. One that is broken (kept as `index.broken`) or gone is made again from HEAD, or empty when HEAD went with a deleted
 * mirror: then every file that the checkout meets is taken for somebody else's, and saved.
 */
export async function readingIndex<T>(git: Git, tree: Tree, read: () => Promise<T>): Promise<T> {
  if (!(await exists(indexFile(tree)))) await makeIndex(git, tree)
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof GitCommandError) || (await isReadable(git, tree))) throw error
  }
  await rename(indexFile(tree), `${indexFile(tree)}.broken`)
  await makeIndex(git, tree)
  return read()
}

async function isReadable(git: Git, tree: Tree): Promise<boolean> {
  return git.indexed(tree).then(
    () => true,
    (error: unknown) => {
      if (error instanceof GitCommandError) return false
      throw error
    },
  )
}

async function makeIndex(git: Git, tree: Tree): Promise<void> {
  await tree.remember({ isPlain: false })
  const head = await tree.head()
  if (head !== null && (await git.commitOf(tree, head)) !== null) await git.loadIndex(tree, head)
}

export function indexFile(tree: Tree): string {
  return join(tree.gitDir, 'index')
}

function memoryFile(gitDir: string): string {
  return join(gitDir, 'deployhook.json')
}

/** Objects of earlier mirrors stay in reach as long as those exist: saved refs may still need them. */
async function borrowFrom(objects: string, gitDir: string): Promise<void> {
  const file = join(gitDir, 'objects', 'info', 'alternates')
  const earlier = (await textOf(file)).split('\n').filter((line) => line !== '' && line !== objects)
  const kept: string[] = []
  for (const line of earlier) if (await exists(line)) kept.push(line)
  await keepFile(file, [objects, ...kept].map((line) => `${line}\n`).join(''))
}

/** Anything unreadable counts as not known, which makes the next checkout more careful, never less. */
function parseMemory(text: string): TreeMemory {
  const known = parsedObject(text)
  const path = known['path']
  const built = known['built']
  return {
    path: typeof path === 'string' ? path : null,
    built: typeof built === 'string' ? parseRevision(built) : null,
    underway: parseRevision(known['underway']),
    isPlain: known['isPlain'] === true,
  }
}

function parsedObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (['ENOENT', 'EISDIR'].includes(errorCode(error) ?? '')) return ''
    throw error
  })
}
