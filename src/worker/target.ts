import type { App } from '../model/deploy-map.ts'
import type { Deployment } from '../model/deployment.ts'
import type { Target } from '../runner/runner.ts'

/** The one version that a deployment is of; null: the newest. */
export function targetOf(
  { trigger, exact, release, requestedRevision: revision }: Deployment,
  { strategy }: Pick<App, 'strategy'>,
): Target | null {
  if (!exact || revision === null) return null
  if (trigger !== 'rollback') return { kind: 'exact', revision }
  return strategy === 'releases' && release !== null
    ? { kind: 'release', name: release }
    : { kind: 'earlier', revision }
}
