import type { App } from '../model/deploy-map.ts'
import { createEvidence } from './evidence.ts'
import { failureOf } from './git-failure.ts'
import { GitCommandError } from './git-command-error.ts'
import { createGit } from './git.ts'
import { suspicious } from './mend-mirror.ts'
import { mendTree } from './mend-tree.ts'
import { misplacedIn } from './misplaced.ts'
import { mirrorDirectory, whereOf, type MirrorDeps } from './mirror.ts'
import { treeDirectory } from './tree-directory.ts'
import type { CheckedOut, Fetched, GitContext } from './workspace.ts'

export type MendingCheckout = {
  readonly context: GitContext
  readonly deps: MirrorDeps
  /** Makes the mirror anew if it is broken; null: it is whole. */
  readonly renewMirror: () => Promise<Fetched | null>
}

/**
 * Checks out. When that fails and the app's own repository or the mirror turns out to be broken, they are mended, and
 * it is done once more: each of its parts can be repeated.
 */
export async function checkOutMending(
  app: App,
  checkOut: () => Promise<CheckedOut>,
  of: MendingCheckout,
): Promise<CheckedOut> {
  const { deps, renewMirror } = of
  const { stateDirectory } = deps.settings
  if (misplacedIn(treeDirectory(stateDirectory, app.name)).length > 0) await mendOwn(app, of)
  try {
    return await checkOut()
  } catch (error) {
    const isMisplaced = misplacedIn(mirrorDirectory(stateDirectory, app.repo)).length > 0
    if (!isMisplaced && !isSuspicious(error, app, deps)) throw error
    const isMended = await mendOwn(app, of)
    const renewed = await renewMirror()
    if (renewed === null && !isMended) throw error
    if (renewed?.kind === 'failed' || renewed?.kind === 'stopped') return renewed
  }
  return checkOut()
}

function isSuspicious(error: unknown, app: App, { settings }: MirrorDeps): boolean {
  if (!(error instanceof GitCommandError)) return false
  const { reason } = failureOf('git', error.output, { repo: null, ...whereOf(app, settings.stateDirectory) })
  return suspicious.has(reason)
}

async function mendOwn(app: App, { context, deps }: MendingCheckout): Promise<boolean> {
  const gitDir = treeDirectory(deps.settings.stateDirectory, app.name)
  const evidence = createEvidence(gitDir, deps.clock.now())
  const mended = await mendTree(gitDir, { git: createGit(deps.settings, context), evidence })
  if (mended === null) return false
  const { parts, kept } = mended
  const where = kept === null ? '' : `; what was broken is kept at ${kept}`
  await context.note(`git: ${gitDir} was broken and is mended (${parts.join(', ')})${where}`)
  deps.log.warn(
    { app: app.name, tree: gitDir, kept, parts },
    "an app's own git directory was broken and has been mended",
  )
  return true
}
