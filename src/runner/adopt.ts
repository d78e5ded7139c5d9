import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { App } from '../model/deploy-map.ts'
import type { RunCommand } from './command.ts'
import { cloneProblem, isCloneOf, readCloneRefs, type CloneRefs } from './clone.ts'
import { gitEnvironment, type GitSettings } from './git-environment.ts'
import { failureOf } from './git-failure.ts'
import type { Setting } from './git-output.ts'
import { GitCommandError } from './git-command-error.ts'
import type { Git } from './git.ts'
import { whereOf } from './mirror.ts'
import { importCommand } from './remote-commands.ts'
import { askRemote } from './remote.ts'
import { replaceFile } from './replace-file.ts'
import { layOutRepository, writeRepositoryConfig } from './repository-files.ts'
import type { Tree } from './tree.ts'
import type { GitContext, GitFailure } from './workspace.ts'
import type { Stop } from './runner.ts'

export type AdoptDeps = {
  readonly settings: GitSettings
  readonly run: RunCommand
  readonly idleMs: number
  readonly git: Git
  readonly context: GitContext
  /** `adopt: true`, in the map or for this deployment: a repository without remotes may be taken over, too. */
  readonly adopt: boolean
}

export type Adopted = { readonly kind: 'adopted' } | GitFailure | { readonly kind: 'stopped'; readonly why: Stop }

/**
 * Takes over the clone at the app's path: its HEAD, branches and stashes get refs (and their objects) in the tree's own
 * repository, and its HEAD becomes what the files are compared with. Its `.git` stays where it is; whatever stands at
 * `.git` in a tree of ours is moved to `adopted/` next. To be repeated when interrupted.
 */
export async function adoptClone(app: App, tree: Tree, deps: AdoptDeps): Promise<Adopted> {
  const refusal = await refusalOf(app, tree, deps)
  if (refusal !== null) return refusal

  const refs = await readCloneRefs(app.path)
  const imported = await importRefs(app, tree, { refs, deps })
  if (imported !== null) return imported
  await tree.startOver()
  const { git, context } = deps
  if (refs.head !== null && (await git.commitOf(tree, refs.head)) !== null) {
    await git.loadIndex(tree, refs.head)
    await tree.setHead(refs.head)
  }
  await context.note(adoptedText(app, tree, refs))
  return { kind: 'adopted' }
}

async function refusalOf(app: App, tree: Tree, { git, adopt }: AdoptDeps): Promise<GitFailure | null> {
  const file = join(app.path, '.git', 'config')
  let settings: readonly Setting[]
  try {
    settings = await git.configOf(tree, file)
  } catch (error) {
    if (!(error instanceof GitCommandError)) throw error
    return unsupported(`${file} cannot be read: ${error.output.trim()}. Mend it, or move ${app.path} away.`)
  }
  const problem = await cloneProblem(app.path, settings)
  if (problem !== null) return unsupported(problem)

  const isOurs = isCloneOf(app.repo.identity, settings)
  if (isOurs === true || (isOurs === null && adopt)) return null
  const what = isOurs === null ? 'a repository without remotes' : 'a clone of another repository'
  const cure =
    isOurs === null
      ? 'say adopt: true'
      : `git -C ${app.path} remote add deployhook ${app.repo.url}, if it is one of this repository after all`
  const message = `${app.path} holds ${what}; ${app.repo.url} was to be deployed there. Move it away, or give another path, or ${cure}.`
  return { kind: 'failed', reason: 'path_occupied', message }
}

function unsupported(message: string): GitFailure {
  return { kind: 'failed', reason: 'unsupported_clone', message }
}

/**
 * Copies the refs and their objects by a local fetch. It does not read the clone, whose configuration is not ours, but
 * a repository of our own making that has these refs and borrows the clone's objects.
 */
async function importRefs(
  app: App,
  tree: Tree,
  { refs, deps }: { readonly refs: CloneRefs; readonly deps: AdoptDeps },
): Promise<Exclude<Adopted, { kind: 'adopted' }> | null> {
  const { settings, context } = deps
  const refspecs = refspecsFor(app.name, refs)
  if (refspecs.length === 0) return null
  const reading = join(settings.stateDirectory, 'views', `${app.name}.reading.git`)
  try {
    await makeReading(reading, { objects: join(app.path, '.git', 'objects'), refs })
    const argv = importCommand(tree, { from: reading, refspecs })
    const env = gitEnvironment(settings, { cookie: context.cookie, protocol: 'file' })
    const asked = await askRemote(
      deps.run,
      { argv, cwd: settings.stateDirectory, env },
      { signal: context.signal, idleMs: deps.idleMs },
    )
    if (asked.kind === 'stopped') return asked
    if (asked.kind === 'answered' && asked.exitCode === 0) return null
    return failureOf(`Keeping the branches and stashes of the clone at ${app.path}`, asked.output, {
      repo: null,
      ...whereOf(app, settings.stateDirectory),
    })
  } finally {
    await rm(reading, { recursive: true, force: true })
  }
}

async function makeReading(directory: string, { objects, refs }: { objects: string; refs: CloneRefs }): Promise<void> {
  await mkdir(dirname(directory), { recursive: true, mode: 0o700 })
  await rm(directory, { recursive: true, force: true })
  await layOutRepository(directory)
  await writeRepositoryConfig(directory, { bare: 'true' })
  await replaceFile(join(directory, 'objects/info/alternates'), `${objects}\n`)
  const stashes = refs.stashes.map((id, index) => `${id} refs/stashes/${index}\n`)
  const branches = [...refs.branches].map(([name, id]) => `${id} ${name}\n`)
  await replaceFile(join(directory, 'packed-refs'), [...branches, ...stashes].join(''))
  if (refs.head !== null) await replaceFile(join(directory, 'HEAD'), `${refs.head}\n`)
}

function refspecsFor(app: string, refs: CloneRefs): readonly string[] {
  const kept = `refs/deployhook/adopted/${app}`
  return [
    ...(refs.head === null ? [] : [`+HEAD:${kept}/HEAD`]),
    ...(refs.branches.size === 0 ? [] : [`+refs/heads/*:${kept}/heads/*`]),
    ...(refs.stashes.length === 0 ? [] : [`+refs/stashes/*:${kept}/stash/*`]),
  ]
}

function adoptedText(app: App, tree: Tree, { branches, stashes }: CloneRefs): string {
  return [
    `Adopted the clone at ${app.path}: ${branches.size} branches and ${stashes.length} stashes are kept.`,
    `  to see them: git --git-dir=${tree.gitDir} for-each-ref refs/deployhook/adopted/${app.name}`,
  ].join('\n')
}
