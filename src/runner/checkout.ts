import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { allDone } from '../lib/all-done.ts'
import type { FailPoint } from '../lib/fail-point.ts'
import type { App } from '../model/deploy-map.ts'
import type { Revision } from '../model/revision.ts'
import type { RunCommand } from './command.ts'
import type { GitSettings } from './git-environment.ts'
import {
  isAttributes,
  type Difference,
  type Differences,
  type Entry,
  type GitRef,
  type Specials,
} from './git-output.ts'
import { createGit, type Git } from './git.ts'
import { createLook, findInTheWay, submodule } from './in-the-way.ts'
import { mirrorDirectory } from './mirror.ts'
import { moveAside } from './move-aside.ts'
import { saveChanges } from './save-changes.ts'
import { moveStrangeGit, takePath } from './take-path.ts'
import { exists } from './repository-files.ts'
import { changedIn } from './scratch-index.ts'
import { indexFile, openTree, readingIndex, type Tree } from './tree.ts'
import { decoded, onDisk, shown, shownList, type TreePath } from './tree-path.ts'
import { noteUnsupported } from './unsupported.ts'
import { keepUsedView, makeView, viewDirectory, writeGitFile } from './view.ts'
import type { CheckedOut, CheckoutOptions, FetchContext, GitContext } from './workspace.ts'

export type CheckoutDeps = {
  readonly settings: GitSettings
  readonly run: RunCommand
  readonly failPoint: FailPoint
  readonly idleMs: number
}

export type Checkout = { readonly context: FetchContext & CheckoutOptions; readonly deps: CheckoutDeps }

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
  const kept = await keepUsedView(app, { stateDirectory, deployment: context.deployment })
  if (kept !== null)
    await context.note(
      `Somebody committed or stashed in the tree; it is kept: git --git-dir=${kept} log --all --reflog`,
    )

  const all = { git, tree, view: viewDirectory(stateDirectory, app.name), context, deps }
  const movedOn = await moveOn(app, revision, all)
  if (movedOn?.kind === 'checked_out') return movedOn
  const { isPlain: wasPlain } = await tree.memory()
  const differing = await saveAndClear(app, tree, { git, revision, context, stateDirectory })
  const isPlain = wasPlain && ![...differing].some(isSpecial)
  return finishCheckout(app, revision, { ...all, isPlain, bring: () => git.checkOut(tree, revision) })
}

/**
 * The short way of most pushes: nobody has touched a file that is deployed, and nothing stands where one is added. git
 * itself sees to the first for the files that it changes, and the assertion for all others: so it costs no look of its own
 * at every file. Anything else than `checked_out`: the long way finds out what there is to save.
 */
async function moveOn(
  app: App,
  revision: Revision,
  all: Omit<Finishing, 'isPlain' | 'bring'>,
): Promise<CheckedOut | null> {
  const { git, tree } = all
  const { built, underway, isPlain: wasPlain } = await tree.memory()
  const head = await tree.head()
  if (head === null || built !== null || underway !== null || !(await exists(indexFile(tree)))) return null
  const differing = await readingIndex(git, tree, () => git.differences(tree, revision))
  const { files, repositories } = await findInTheWay(tree.workTree, { differing, changed: new Map() })
  if (files.length + repositories.length > 0 || (await isAnyGone(tree, differing))) return null
  const isPlain = wasPlain && ![...differing].some(isSpecial)
  const bring = () => git.moveOn(tree, { from: head, to: revision })
  return finishCheckout(app, revision, { ...all, isPlain, bring })
}

/**
 * git takes a file that somebody has deleted for one that is as it was, and writes it anew; and one that is reached
 * through somebody's symbolic link for one that is in its place.
 */
async function isAnyGone({ workTree }: Tree, differing: Differences): Promise<boolean> {
  const look = createLook(workTree)
  for (const [path, { to }] of differing) {
    if (to === null) continue
    const { kind } = await look(path)
    if (kind === 'absent' || kind === 'behind') return true
  }
  return false
}

/**
 * Everything in the way is gone: the files of the revision come, are asserted, and get the view that steps look at.
 * `bring` answers false where it left all as it was.
 */
export async function finishCheckout(
  app: App,
  revision: Revision,
  { git, tree, isPlain, view, context, deps, bring }: Finishing,
): Promise<CheckedOut> {
  const { failPoint, settings } = deps
  const { stateDirectory } = settings
  await tree.remember({ underway: revision, isPlain: false })
  const [specials, tags, isBrought] = await allDone([
    isPlain ? none : git.specials(tree, revision),
    view === null ? [] : tagsOf(git, mirrorDirectory(stateDirectory, app.repo)),
    bring(),
  ])
  if (!isBrought) {
    const message = `git changed nothing in ${tree.workTree}, where files are not as they were deployed.`
    return { kind: 'failed', reason: 'checkout_mismatch', message }
  }
  failPoint('in-checkout')
  const [mismatch, putView] = await allDone([
    mismatchIn(git, tree, revision),
    view === null ? null : makeView(app, tree, { stateDirectory, view, revision, ref: context.ref, tags }),
  ])
  if (mismatch !== null) return { kind: 'failed', reason: 'checkout_mismatch', message: mismatch }
  await tree.setHead(revision)
  await tree.remember({ underway: null, built: null, isPlain: isEmpty(specials) })

  if (view !== null) {
    await putView?.()
    await writeGitFile(tree.workTree, view)
  }
  await noteUnsupported(git, tree, { specials, note: context.note })
  failPoint('after-checkout')
  return { kind: 'checked_out' }
}

type Finishing = {
  readonly git: Git
  readonly tree: Tree
  /** The revision surely has neither submodules nor files of attributes. */
  readonly isPlain: boolean
  /** null: the steps get none. */
  readonly view: string | null
  readonly context: FetchContext
  readonly deps: CheckoutDeps
  readonly bring: () => Promise<boolean>
}

const none: Specials = { submodules: [], attributes: [] }

function isEmpty({ submodules, attributes }: Specials): boolean {
  return submodules.length + attributes.length === 0
}

function isSpecial([path, { from }]: readonly [TreePath, Difference]): boolean {
  return from !== null && (from.mode === submodule || isAttributes(path))
}

/** Most repositories have a handful or none: then no git is started to list them. */
async function tagsOf(git: Git, mirror: string): Promise<readonly GitRef[]> {
  const loose = await readdir(join(mirror, 'refs/tags')).catch(() => ['it may have'])
  const mayHaveSome = (await exists(join(mirror, 'packed-refs'))) || loose.length > 0
  return mayHaveSome ? git.refs({ gitDir: mirror }, 'refs/tags') : []
}

type Clearing = { git: Git; revision: Revision; context: GitContext & CheckoutOptions; stateDirectory: string }

/**
 * Nothing that the checkout overwrites is lost: it is in a saved commit, or moved away. Says where the index (`to`)
 * differed from the revision (`from`).
 */
async function saveAndClear(
  app: App,
  tree: Tree,
  { git, revision, context, stateDirectory }: Clearing,
): Promise<Differences> {
  const { deployment, note } = context
  const [differing, changed] = await readingIndex(git, tree, () =>
    allDone([git.differences(tree, revision), changedIn(git, tree)]),
  )
  const { repositories } = await saveChanges(git, tree, { changes: { differing, changed }, deployment, note })
  for (const path of repositories) {
    const name = shown(path).replace(/[^A-Za-z0-9._-]+/g, '-')
    const kept = await moveAside(
      join(app.path, decoded(path)),
      join(stateDirectory, 'adopted', `${app.name}-${deployment}-${name}`),
    )
    await note(`${shown(path)} stood in the way and holds a repository of its own: moved to ${kept}`)
  }
  return differing
}

/**
 * Proves that the index is the revision and that every file is as a checkout writes it; else says what is not, and the
 * cure. git may call a file changed that is exactly that (an attribute asks for other line endings than were committed).
 */
async function mismatchIn(git: Git, tree: Tree, revision: Revision): Promise<string | null> {
  if ((await git.unlike(tree, revision)).size === 0) return null
  await git.refreshIndex(tree) // What has only got other times is told no more.
  const unlike = await git.unlike(tree, revision)
  // Of the index nothing is forgiven, whatever is on disk.
  const wrong = new Set(unlike.size === 0 ? [] : (await git.differences(tree, revision)).keys())
  for (const [path, { from, to }] of unlike) {
    const isWritten = from !== null && to === null && (await isAsCheckedOut(git, tree, { path, entry: from }))
    if (!isWritten) wrong.add(path)
  }
  return wrong.size === 0
    ? null
    : `After the checkout these files are not those of ${revision}: ${shownList([...wrong])}. Something else may be writing into ${tree.workTree}: end that, and deploy again.`
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
