import type { SeenRefs } from '../model/catch-up.ts'
import type { Deployment } from '../model/deployment.ts'
import { parseRevision } from '../model/revision.ts'
import { insertDeployment, waitingOf } from './queue.ts'
import { integer, text, type Sql } from './sql.ts'
import type { Enqueue, Store } from './store.ts'
import type { Writer } from './writer.ts'

/** What catch-up remembers of remotes, and the way in for what it finds. */
export type CatchUpStore = {
  /** Like `enqueue`, unless something queued or running has it in hand: then null. */
  enqueueFound(request: Enqueue): Promise<Deployment | null>
  /** The refs of an app's repository as catch-up last saw them through this filter (`filterOf`); null: never. */
  seenRefs(app: string, filter: string): Promise<SeenRefs | null>
  rememberRefs(app: string, seen: SeenRefs & { readonly filter: string }): Promise<void>
}

export function createCatchUpStore(sql: Sql, writer: Writer): Omit<CatchUpStore, 'seenRefs'> {
  return {
    enqueueFound: (request) =>
      writer.write((touch) => {
        if (isInHand(sql, request)) return null
        return insertDeployment(sql, { ...request, delivery: null }, touch)
      }),
    rememberRefs: (app, { filter, tips, newest }) =>
      writer.write(() => {
        sql.run(
          `insert into seen_refs (app, filter, newest, tips) values (:app, :filter, :newest, :tips)
           on conflict do update set filter = excluded.filter, newest = excluded.newest, tips = excluded.tips`,
          { app, filter, newest, tips: JSON.stringify(Object.fromEntries(tips)) },
        )
      }),
  }
}

/** null: never seen, or through another filter. */
export function seenRefsOf(sql: Sql, app: string, filter: string): SeenRefs | null {
  const row = sql.first('select newest, tips from seen_refs where app = :app and filter = :filter', { app, filter })
  if (row === null) return null
  const tips = Object.entries(JSON.parse(text(row, 'tips')) as Record<string, unknown>).flatMap(([ref, id]) => {
    const tip = parseRevision(id)
    return tip === null ? [] : [[ref, tip] as const]
  })
  return { tips: new Map(tips), newest: integer(row, 'newest') }
}

/** A renamed app takes along what was seen for it; of one that is gone it is forgotten, or its return would deploy old refs. */
export function reconcileSeenRefs(sql: Sql, { apps }: Pick<Parameters<Store['reconcile']>[0], 'apps'>): void {
  for (const [name, { was }] of apps) {
    for (const old of was) {
      if (!apps.has(old)) sql.run('update or ignore seen_refs set app = :name where app = :old', { old, name })
    }
  }
  for (const row of sql.all('select app from seen_refs')) {
    const app = text(row, 'app')
    if (!apps.has(app)) sql.run('delete from seen_refs where app = :app', { app })
  }
}

/** What is queued takes the tip when it starts; so may what runs and has not named its commit yet. */
function isInHand(sql: Sql, { app, requestedRevision }: Enqueue): boolean {
  if (waitingOf(sql, app).length > 0) return true
  const running = `select 1 from deployments where app = :app and state = 'running' and (revision is null or revision = :requestedRevision)`
  return sql.first(running, { app, requestedRevision }) !== null
}
