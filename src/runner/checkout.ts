import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FailPoint } from '../lib/fail-point.ts'
import type { App } from '../model/deploy-map.ts'
import type { Revision } from '../model/revision.ts'
import type { RunCommand } from './command.ts'
import type { GitSettings } from './git-environment.ts'
import type { Entries, Entry } from './git-output.ts'
import { createGit, type Git } from './git.ts'
import { mirrorDirectory } from './mirror.ts'
import { moveAside } from './move-aside.ts'
import { saveChanges } from './save-changes.ts'
import { moveStrangeGit, takePath } from './take-path.ts'
import { openTree, readIndex, type Tree } from './tree.ts'
import { decoded, onDisk, shown, shownList, type TreePath } from './tree-path.ts'
import { noteUnsupported } from './unsupported.ts'
import { keepUsedView, renewView, viewDirectory, writeGitFile } from './view.ts'
import type { CheckedOut, CheckoutOptions, GitContext } from './workspace.ts'

export type CheckoutDeps = {
  readonly settings: GitSettings
  readonly run: RunCommand
  readonly failPoint: FailPoint
  readonly idleMs: number
}

export type Checkout = { readonly context: GitContext & CheckoutOptions; readonly deps: CheckoutDeps }

/** See `Workspace.checkout`. Each part can be repeated after a death in the middle of it. */
export async function checkOutTree(app: App, revision: Revision, { context, deps }: Checkout): Promise<CheckedOut> {
  const { settings, failPoint } = deps
  const { stateDirectory } = settings
  const git = createGit(settings, context)
  const tree = await openTree(app, stateDirectory, context)
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

  const view = viewDirectory(stateDirectory, app.name)
  return finishCheckout(app, revision, { git, tree, next, view, context, deps })
}

/** Everything in the way is gone: the files of the revision come, are asserted, and get the view that steps look at. */
export async function finishCheckout(
  app: App,
  revision: Revision,
  { git, tree, next, view, context, deps }: Finishing,
): Promise<CheckedOut> {
  const { failPoint, settings } = deps
  const { stateDirectory } = settings
  await tree.remember({ underway: revision })
  await git.checkOut(tree, revision)
  failPoint('in-checkout')
  const mismatch = await mismatchIn(git, tree, { revision, next })
  if (mismatch !== null) return { kind: 'failed', reason: 'checkout_mismatch', message: mismatch }
  await tree.setHead(revision)
  await tree.remember({ underway: null, built: null })

  const tags = await git.refs({ gitDir: mirrorDirectory(stateDirectory, app.repo) }, 'refs/tags')
  if (view !== null) {
    await renewView(app, tree, { stateDirectory, view, revision, tags })
    await writeGitFile(tree.workTree, view)
  }
  await noteUnsupported(git, tree, { next, note: context.note })
  failPoint('after-checkout')
  return { kind: 'checked_out' }
}

type Finishing = {
  readonly git: Git
  readonly tree: Tree
  /** The files of the revision. */
  readonly next: Entries
  /** null: the steps get none. */
  readonly view: string | null
  readonly context: GitContext
  readonly deps: CheckoutDeps
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

/**
 * Proves that the index is the revision and that every file is as a checkout writes it; else says what is not, and the
 * cure. git may call a file changed that is exactly that (an attribute asks for other line endings than were committed).
 */
async function mismatchIn(
  git: Git,
  tree: Tree,
  { revision, next }: { revision: Revision; next: Entries },
): Promise<string | null> {
  const cure = `Something else may be writing into ${tree.workTree}: end that, and deploy again.`
  if ((await git.writeTree(tree)) !== (await git.treeOf(tree, revision))) {
    return `After the checkout the index is not ${revision}. ${cure}`
  }
  const wrong: TreePath[] = []
  for (const path of await git.changed(tree)) {
    const entry = next.get(path)
    if (entry === undefined || !(await isAsCheckedOut(git, tree, { path, entry }))) wrong.push(path)
  }
  return wrong.length === 0
    ? null
    : `After the checkout these files are not those of ${revision}: ${shownList(wrong)}. ${cure}`
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
