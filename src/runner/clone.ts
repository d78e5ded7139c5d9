import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRefName } from '../model/ref.ts'
import { identityOf } from '../model/repository.ts'
import { parseRevision, type Revision } from '../model/revision.ts'
import type { Setting } from './git-output.ts'

/** What is worth keeping of somebody's clone, read from its files: git is never run with its configuration. */
export type CloneRefs = {
  readonly head: Revision | null
  /** Full names: `refs/heads/…`. */
  readonly branches: ReadonlyMap<string, Revision>
  /** The newest first. */
  readonly stashes: readonly Revision[]
}

/** Why this clone cannot be adopted, with the cure, or null. `settings`: of its configuration file. */
export async function cloneProblem(path: string, settings: readonly Setting[]): Promise<string | null> {
  const git = join(path, '.git')
  for (const { holds, message } of obstacles) if (await holds(git, settings)) return message(path)
  return null
}

/** Whether one of its remotes is the repository with this identity. No remotes at all: null. */
export function isCloneOf(identity: string, settings: readonly Setting[]): boolean | null {
  const urls = settings.filter(({ key }) => /^remote\..*\.url$/.test(key)).map(({ value }) => value)
  return urls.length === 0 ? null : urls.some((url) => identityOf(url) === identity)
}

/** HEAD, branches and stashes of the clone at `path`. */
export async function readCloneRefs(path: string): Promise<CloneRefs> {
  const git = join(path, '.git')
  const branches = new Map<string, Revision>()
  for (const line of (await textOf(join(git, 'packed-refs'))).split('\n')) {
    const [id, name = ''] = line.split(' ')
    addBranch(branches, name, id)
  }
  for (const name of await filesBelow(git, 'refs/heads'))
    addBranch(branches, name, (await textOf(join(git, name))).trim())

  const head = (await textOf(join(git, 'HEAD'))).trim()
  const branch = /^ref: (.+)$/.exec(head)?.[1]
  const stashes = (await textOf(join(git, 'logs/refs/stash')))
    .split('\n')
    .map((line) => parseRevision(line.split(' ')[1]))
  return {
    head: branch === undefined ? parseRevision(head) : (branches.get(branch) ?? null),
    branches,
    stashes: stashes.filter((stash) => stash !== null).reverse(),
  }
}

type Obstacle = {
  readonly holds: (git: string, settings: readonly Setting[]) => Promise<boolean> | boolean
  readonly message: (path: string) => string
}

const obstacles: readonly Obstacle[] = [
  {
    holds: (git) => isThere(join(git, 'shallow')),
    message: (path) => `${path} is a shallow clone. Make it whole first: git -C ${path} fetch --unshallow`,
  },
  {
    holds: (_git, settings) => settings.some(({ key }) => /^remote\..*\.(?:promisor|partialclonefilter)$/.test(key)),
    message: (path) =>
      `${path} is a partial clone, which lacks objects. Move it away: the first deployment makes a new tree.`,
  },
  {
    holds: async (git, settings) =>
      (await names(join(git, 'modules'))).length > 0 || settings.some(({ key }) => key.startsWith('submodule.')),
    message: (path) =>
      `${path} holds submodules, which are not supported yet. Move it away, or take them out: git -C ${path} submodule deinit --all, then remove ${path}/.git/modules`,
  },
  {
    holds: async (git) => (await names(join(git, 'worktrees'))).length > 0,
    message: (path) =>
      `${path} has linked worktrees, which would lose it. Remove them first: git -C ${path} worktree list, then worktree remove`,
  },
  {
    holds: (git) => isThere(join(git, 'commondir')),
    message: (path) => `${path} is a linked worktree: its .git leads to another repository. Give another path.`,
  },
  {
    holds: (_git, settings) => settings.some(({ key, value }) => key === 'core.bare' && value === 'true'),
    message: (path) =>
      `${path}/.git says that it is a bare repository. Give another path, or say otherwise: git -C ${path} config core.bare false`,
  },
  {
    holds: (_git, settings) => settings.some(({ key }) => /^extensions\.(?:objectformat|refstorage)$/.test(key)),
    message: (path) =>
      `${path} uses a repository format that is not supported (SHA-256 names or reftable). Move it away: the first deployment makes a new tree.`,
  },
  {
    holds: async (git) =>
      (await textOf(join(git, 'objects/info/alternates')))
        .split('\n')
        .some((line) => line !== '' && !line.startsWith('/')),
    message: (path) =>
      `${path} borrows objects by a relative path. Make it whole first: git -C ${path} repack -ad && rm ${path}/.git/objects/info/alternates`,
  },
]

function addBranch(branches: Map<string, Revision>, name: string, id: string | undefined): void {
  const revision = parseRevision(id)
  if (revision !== null && name.startsWith('refs/heads/') && isRefName(name)) branches.set(name, revision)
}

async function filesBelow(root: string, place: string): Promise<readonly string[]> {
  const found: string[] = []
  const entries = await readdir(join(root, place), { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const name = `${place}/${entry.name}`
    if (entry.isDirectory()) found.push(...(await filesBelow(root, name)))
    if (entry.isFile()) found.push(name)
  }
  return found
}

async function names(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => [])
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null
}

/** Of a regular file alone; '' for anything else. */
async function textOf(file: string): Promise<string> {
  return (await lstat(file).catch(() => null))?.isFile() === true ? readFile(file, 'utf8') : ''
}
