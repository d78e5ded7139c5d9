import { join } from 'node:path'
import { unreachable } from '../lib/unreachable.ts'
import type { App } from '../model/deploy-map.ts'
import { adoptClone } from './adopt.ts'
import type { Checkout } from './checkout.ts'
import type { Git } from './git.ts'
import { forbiddenText, makePath } from './make-path.ts'
import { moveAside } from './move-aside.ts'
import { exists } from './repository-files.ts'
import { standingAt, viewNamedAt } from './standing.ts'
import type { Tree } from './tree.ts'
import { viewDirectory } from './view.ts'
import type { CheckedOut, CheckoutOptions, GitContext, GitFailure, GitFailureReason } from './workspace.ts'

/** Makes the path the app's: new, known already, or taken over from somebody. null: it is. */
export async function takePath(
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
      if ((await makePath(app.path)) === 'forbidden') return failed('path_unusable', forbiddenText(app.path))
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
export async function moveStrangeGit(
  app: App,
  { stateDirectory, context }: { stateDirectory: string; context: GitContext & CheckoutOptions },
): Promise<void> {
  const git = join(app.path, '.git')
  if (!(await exists(git)) || (await viewNamedAt(app.path, stateDirectory)) !== null) return
  const kept = await moveAside(git, join(stateDirectory, 'adopted', `${app.name}-${context.deployment}.git`))
  await context.note(`Moved ${git} to ${kept}, where it is kept.`)
}

function failed(reason: GitFailureReason, message: string): GitFailure {
  return { kind: 'failed', reason, message }
}
