import { everyApp } from '../model/gate.ts'
import { text, type Sql } from './sql.ts'
import type { Store } from './store.ts'

/** What keeps an app back follows it to its new name, where that has none of its own; of one that is gone it is forgotten. */
export function reconcileGates(sql: Sql, { apps }: Pick<Parameters<Store['reconcile']>[0], 'apps'>): void {
  for (const [name, { was }] of apps) {
    for (const old of was) if (!apps.has(old)) rename(sql, { old, name })
  }
  const named = sql.all('select app from holds union select app from quarantine union select scope from freezes')
  for (const row of named) {
    const app = text(row, 'app')
    if (app === everyApp || apps.has(app)) continue
    sql.run('delete from holds where app = :app', { app })
    sql.run('delete from quarantine where app = :app', { app })
    sql.run('delete from freezes where scope = :app', { app })
  }
}

function rename(sql: Sql, names: { readonly old: string; readonly name: string }): void {
  sql.run('update holds set app = :name where app = :old', names)
  sql.run('update or ignore quarantine set app = :name where app = :old', names)
  sql.run('update or ignore freezes set scope = :name where scope = :old', names)
}
