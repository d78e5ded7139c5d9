import type { App } from './deploy-map.ts'
import type { Deployment } from './deployment.ts'

type Ended<Revision> = Pick<Deployment, 'state' | 'outcome' | 'reason'> & {
  readonly revision: Revision
  readonly steps: readonly Pick<Deployment['steps'][number], 'phase'>[]
}

/**
 * The revision that a deployment which did not succeed left in the tree of an app in place, whatever is called live; null: none.
 * Releases leave what is live alone, and so does one that went back.
 */
export function leftInTree<Revision>(
  { state, outcome, reason, revision, steps }: Ended<Revision>,
  { strategy }: Pick<App, 'strategy'>,
): Revision | null {
  if (strategy === 'releases' || state !== 'done' || outcome === 'succeeded' || steps.length === 0) return null
  const wentBack = steps.some(({ phase }) => phase === 'rollback') && reason !== 'rollback_failed'
  return wentBack || outcome === 'rolled_back' ? null : revision
}
