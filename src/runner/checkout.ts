import { lstat, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FailPoint } from '../lib/fail-point.ts'
import { unreachable } from '../lib/unreachable.ts'
import type { App } from '../model/deploy-map.ts'
import type { Revision } from '../model/revision.ts'
import { adoptClone } from './adopt.ts'
import type { RunCommand } from './command.ts'
import type { GitSettings } from './git-environment.ts'
import { createGit, type Entries, type Entry, type Git } from './git.ts'
import { mirrorDirectory } from './mirror.ts'
import { moveAside } from './move-aside.ts'
import { exists } from './repository-files.ts'
import { saveChanges, treeAsOnDisk } from './save-changes.ts'
import { standingAt, viewNamedAt } from './standing.ts'
import { openTree, readIndex, type Tree } from './tree.ts'
import { decoded, onDisk, shown, shownList, type TreePath } from './tree-path.ts'
import { noteUnsupported } from './unsupported.ts'
import { keepUsedView, renewView, viewDirectory, writeGitFile } from './view.ts'
import type { CheckedOut, CheckoutOptions, GitContext, GitFailure, GitFailureReason } from './workspace.ts'

export type CheckoutDeps = {
  readonly settings: GitSettings
  readonly run: RunCommand
  readonly failPoint: FailPoint
  readonly idleMs: number
}

type Checkout = { readonly context: GitContext & CheckoutOptions; readonly deps: CheckoutDeps }

/** See `Workspace.checkout`. Each part can be repeated after a death in the middle of it. */
export async function checkOutTree(app: App, revision: Revision, { context, deps }: Checkout): Promise<CheckedOut> {
  const { settings, failPoint } = deps
  const { stateDirectory } = settings
  const git = createGit(settings, context)
  const tree = await openTree(app, stateDirectory, context.note)
  failPoint('before-checkout')

  const refusal = await takePath(app, tree, { git, context, deps })
  if (refusal !== null) return refusal
  await moveStrangeGit(app, { stateDirectory, context })
  const next = await git.filesOf(tree, revision)
  await saveAndClear(app, tree, { git, next, context, stateDirectory })
  const kept = await keepUsedView(app, { stateDirectory, deployment: context.deployment })
  if (kept !== null)
    await context.note(
      `Somebody committed or stashed in the tree; it is kept: git --git-dir=${kept} log --all --reflog`,
    )

  await tree.remember({ underway: revision })
  await git.checkOut(tree, revision)
  failPoint('in-checkout')
  const held = await assertHolds(git, tree, { revision, next })
  if (held.kind === 'mismatch') return failed('checkout_mismatch', held.message)
  await tree.setHead(revision)
  const built = held.unlike.length === 0 ? null : await treeAsOnDisk(git, tree, held.unlike)
  await tree.remember({ underway: null, built })

  const tags = await git.refs({ gitDir: mirrorDirectory(stateDirectory, app.repo) }, 'refs/tags')
  await renewView(app, tree, { stateDirectory, revision, tags })
  await writeGitFile(app.path, viewDirectory(stateDirectory, app.name))
  await noteUnsupported(git, tree, { next, note: context.note })
  failPoint('after-checkout')
  return { kind: 'checked_out' }
}

/** Makes the path the app's: new, known already, or taken over from somebody. null: it is. */
async function takePath(
  app: App,
  tree: Tree,
  { git, context, deps }: Checkout & { readonly git: Git },
): Promise<Exclude<CheckedOut, { kind: 'checked_out' }> | null> {
  const { stateDirectory } = deps.settings
  const adopt = context.adopt || app.adopt
  const { path: known } = await tree.memory()
  const standing = await standingAt(app.path, { stateDirectory, view: viewDirectory(stateDirectory, app.name), known })
  switch (standing.kind) {
    case 'ours':
      await tree.remember({ path: app.path })
      return null
    case 'missing':
      await mkdir(app.path, { recursive: true, mode: 0o755 })
      await tree.startOver()
      return null
    case 'empty':
      await tree.startOver()
      return null
    case 'clone': {
      const adopted = await adoptClone(app, tree, { ...deps, git, context, adopt })
      return adopted.kind === 'adopted' ? null : adopted
    }
    case 'files':
      if (!adopt) return failed('path_occupied', occupiedText(app, standing.viewOf))
      await tree.startOver()
      return null
    case 'unusable':
      return failed('path_unusable', standing.message)
    case 'unsupported':
      return failed('unsupported_clone', standing.message)
    default:
      return unreachable(standing)
  }
}

function occupiedText({ path, name }: App, viewOf: string | null): string {
  if (viewOf !== null)
    return `${path} is the tree of app ${viewOf}. If ${name} is its new name, say was: ${viewOf}; else give another path, or say adopt: true to take it over.`
  return `${path} holds files that deployhook did not put there. Say adopt: true (or deployhook deploy ${name} --adopt) to check out around them; what is in the way is saved first.`
}

/** Neither read nor followed, whatever it is: a clone's `.git` that was adopted, or what a step planted. */
async function moveStrangeGit(
  app: App,
  { stateDirectory, context }: { stateDirectory: string; context: GitContext & CheckoutOptions },
): Promise<void> {
  const git = join(app.path, '.git')
  if (!(await exists(git)) || (await viewNamedAt(app.path, stateDirectory)) !== null) return
  const kept = await moveAside(git, join(stateDirectory, 'adopted', `${app.name}-${context.deployment}.git`))
  await context.note(`Moved ${git} to ${kept}, where it is kept.`)
}

type Clearing = { git: Git; next: Entries; context: GitContext & CheckoutOptions; stateDirectory: string }

/** Nothing that the checkout overwrites is lost: it is in a saved commit, or moved away. */
async function saveAndClear(app: App, tree: Tree, { git, next, context, stateDirectory }: Clearing): Promise<void> {
  const { deployment, note } = context
  const index = await readIndex(git, tree)
  await git.refreshIndex(tree)
  const changes = { index, next, changed: await git.changed(tree) }
  const { repositories } = await saveChanges(git, tree, { changes, deployment, note })
  for (const path of repositories) {
    const name = shown(path).replace(/[^A-Za-z0-9._-]+/g, '-')
    const kept = await moveAside(
      join(app.path, decoded(path)),
      join(stateDirectory, 'adopted', `${app.name}-${deployment}-${name}`),
    )
    await note(`${shown(path)} stood in the way and holds a repository of its own: moved to ${kept}`)
  }
}

type Held =
  | { readonly kind: 'holds'; readonly unlike: readonly TreePath[] }
  | { readonly kind: 'mismatch'; readonly message: string }

/**
 * The index is the revision, and every file is as a checkout writes it. `unlike`: files of which git says that they
 * differ though they are exactly that (an attribute asks for other line endings than were committed).
 */
async function assertHolds(
  git: Git,
  tree: Tree,
  { revision, next }: { revision: Revision; next: Entries },
): Promise<Held> {
  const cure = `Something else may be writing into ${tree.workTree}: end that, and deploy again.`
  if ((await git.writeTree(tree)) !== (await git.treeOf(tree, revision))) {
    return { kind: 'mismatch', message: `After the checkout the index is not ${revision}. ${cure}` }
  }
  const unlike = await git.changed(tree)
  const wrong: TreePath[] = []
  for (const path of unlike) {
    const entry = next.get(path)
    if (entry === undefined || !(await isAsCheckedOut(git, tree, { path, entry }))) wrong.push(path)
  }
  if (wrong.length === 0) return { kind: 'holds', unlike }
  return {
    kind: 'mismatch',
    message: `After the checkout these files are not those of ${revision}: ${shownList(wrong)}. ${cure}`,
  }
}

async function isAsCheckedOut(
  git: Git,
  tree: Tree,
  { path, entry }: { path: TreePath; entry: Entry },
): Promise<boolean> {
  const file = onDisk(tree.workTree, path)
  const found = await lstat(file).catch(() => null)
  if (found?.isFile() !== true || !entry.mode.startsWith('100')) return false
  const isExecutable = (found.mode & 0o100) !== 0
  if (isExecutable !== (entry.mode === '100755')) return false
  return (await readFile(file)).equals(await git.asCheckedOut(tree, { path, entry }))
}

function failed(reason: GitFailureReason, message: string): GitFailure {
  return { kind: 'failed', reason, message }
}
