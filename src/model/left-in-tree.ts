import type { App } from './deploy-map.ts'
import type { Deployment } from './deployment.ts'

type Ended<Revision> = Pick<Deployment, 'state' | 'outcome' | 'reason' | 'release'> & {
  readonly revision: Revision
  readonly steps: readonly Pick<Deployment['steps'][number], 'phase'>[]
}

/**
 * The revision that a deployment which did not succeed left where the app's files are used, whatever is called live; null: none. In place
 * that is from its first step on, with releases from the switch on; one that went back has left nothing.
 */
export function leftInTree<Revision>(
  { state, outcome, reason, release, revision, steps }: Ended<Revision>,
  { strategy }: Pick<App, 'strategy'>,
): Revision | null {
  if (state !== 'done' || outcome === 'succeeded' || outcome === 'rolled_back') return null
  const isBack = steps.some(({ phase }) => phase === 'rollback')
  if (strategy === 'releases') return isBack || release === null ? null : revision
  return steps.length === 0 || (isBack && reason !== 'rollback_failed') ? null : revision
}
