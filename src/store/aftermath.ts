import type { Outcome } from '../model/deployment.ts'
import { deploymentOf } from './deployments.ts'
import { endHolds, replaceHolds, takeBackHold } from './holds.ts'
import { whatIsThere } from './rollback-target.ts'
import type { Sql } from './sql.ts'
import type { Touch } from './writer.ts'

type Ending = { readonly id: number; readonly outcome: Outcome; readonly reason: string | null; readonly at: Date }

/** What the end of a deployment means for what comes next: holds and quarantine, written before its row says that it ended. */
export function drawConclusions(sql: Sql, ending: Ending, touch: Touch): void {
  if (ending.outcome === 'succeeded') {
    afterSuccess(sql, ending, touch)
    return
  }
  takeBackHold(sql, ending.id, touch)
  const wasLeft = ending.outcome === 'rolled_back' || ending.reason === 'rollback_failed'
  if (wasLeft && !ofTheMachine.has(ending.reason ?? '')) {
    const { app, revision } = deploymentOf(sql, ending.id)
    quarantine(sql, { ...ending, app, revision })
  }
}

/** Reasons that say nothing against the revision. */
const ofTheMachine: ReadonlySet<string> = new Set(['disk_full', 'disk_failed', 'resources_short'])

function afterSuccess(sql: Sql, { id, at }: Ending, touch: Touch): void {
  const { app, trigger, exact, queuedAt, ...own } = deploymentOf(sql, id)
  const revision = own.revision ?? own.requestedRevision
  const wasForbidden =
    sql.run('delete from quarantine where app = :app and revision = :revision', { app, revision }) > 0
  // Going to what was rolled back is a way forward: what it leaves is as good as it was.
  if (trigger === 'rollback' && !wasForbidden) {
    const left = whatIsThere(sql, app)
    if (left.revision !== revision) quarantine(sql, { id, app, revision: left.revision, reason: 'rollback', at })
  }
  if (exact) replaceHolds(sql, id)
  else if (trigger === 'manual' || trigger === 'retry') endHolds(sql, { app, until: queuedAt }, touch)
}

function quarantine(
  sql: Sql,
  {
    id,
    app,
    revision,
    reason,
    at,
  }: Omit<Ending, 'outcome'> & { readonly app: string; readonly revision: string | null },
): void {
  if (revision === null) return
  sql.run(
    `insert or replace into quarantine (app, revision, deployment, reason, at) values (:app, :revision, :id, :reason, :at)`,
    { app, revision, id, reason, at: at.toISOString() },
  )
}
