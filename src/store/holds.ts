import type { Hold } from '../model/gate.ts'
import type { Enqueue } from './store.ts'
import type { Sql } from './sql.ts'

/** A hold that a deployment brings is in force from when it is queued: nothing newer is to come in between. */
export function bringHold(sql: Sql, deployment: number, request: Enqueue): void {
  const {
    app,
    hold,
    release = null,
    requestedRevision: revision,
    askedBy: by = null,
    note: reason = null,
    at,
  } = request
  if (hold == null) return
  insertHold(sql, { app, release, revision, deployment, by, reason, at, until: hold, byHand: false })
}

export function insertHold(sql: Sql, { byHand, at, ...hold }: Hold & { readonly byHand: boolean }): void {
  sql.run(
    `insert into holds (app, release, revision, deployment, by_hand, by, reason, at, until)
     values (:app, :release, :revision, :deployment, :byHand, :by, :reason, :at, :until)`,
    { ...hold, byHand: byHand ? 1 : 0, at: at.toISOString() },
  )
}

/** It did not succeed: what held the app before holds it again. */
export function takeBackHold(sql: Sql, deployment: number): void {
  sql.run('delete from holds where deployment = :deployment and by_hand = 0', { deployment })
}
