import type { App } from '../model/deploy-map.ts'
import type { Revision } from '../model/revision.ts'
import { finishCheckout, type CheckoutDeps } from './checkout.ts'
import { createGit } from './git.ts'
import { shareBlocks } from './share-blocks.ts'
import { openTree } from './tree.ts'
import type { CheckedOut, FetchContext, ReleaseOptions } from './workspace.ts'

/** See `Workspace.checkoutRelease`. The directory is empty, so that there is nothing to save and nothing in the way. */
export async function checkOutRelease(
  app: App,
  revision: Revision,
  { context, deps }: { readonly context: FetchContext & ReleaseOptions; readonly deps: CheckoutDeps },
): Promise<CheckedOut> {
  const { directory, view, earlier } = context
  const git = createGit(deps.settings, context)
  const tree = await openTree({ ...app, path: directory }, deps.settings.stateDirectory, context)
  deps.failPoint('before-checkout')
  await tree.startOver()
  if (earlier !== null) await shareBlocks(git, tree, { earlier, revision })
  const bring = () => git.checkOut(tree, revision)
  return finishCheckout(app, revision, { git, tree, isPlain: false, view, context, deps, bring })
}
