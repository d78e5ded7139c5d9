import type { App } from '../model/deploy-map.ts'
import { givenSecrets, type GoOn, type Left } from '../runner/underway.ts'
import type { Claim } from '../store/store.ts'

/**
 * Where a deployment that an earlier daemon left running can be gone on with; null: nowhere, so that it is settled and starts again.
 * What is known of it in its files and in the ledger must tell the same story.
 */
export function goOnWith(
  { deployment, owner }: Claim,
  { left, app }: { readonly left: Left; readonly app: App },
): GoOn | null {
  if (left.deployment !== owner.id || left.attempt !== owner.attempt) return null
  if (app.executor === 'process' || app.fingerprint !== left.fingerprint) return null
  if (givenSecrets(app) !== left.secrets) return null // The log of what it has could not be masked any more.
  const own = deployment.steps.filter(({ attempt }) => attempt === owner.attempt)
  const newest = Math.max(0, ...own.map(({ number }) => number))
  if (newest === left.number - 1) return { ...left, step: 'fresh' }
  if (newest !== left.number) return null // It was past its steps, at what is not gone on with.
  const { exitCode, finishedAt } = own.find(({ number }) => number === newest) ?? { exitCode: null, finishedAt: null }
  if (finishedAt !== null && exitCode === 0) return { ...left, step: 'over' }
  return left.hasUnit ? { ...left, step: 'attach' } : null
}
