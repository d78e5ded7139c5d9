import type { Sql } from './sql.ts'
import type { Store } from './store.ts'

/**
 * What keeps an app back follows it to its new name, where that has none of its own. Of one that is gone it stays: a typo in deploy.yml
 * must not let loose what somebody holds.
 */
export function reconcileGates(sql: Sql, { apps }: Pick<Parameters<Store['reconcile']>[0], 'apps'>): void {
  for (const [name, { was }] of apps) {
    for (const old of was) if (!apps.has(old)) rename(sql, { old, name })
  }
}

function rename(sql: Sql, names: { readonly old: string; readonly name: string }): void {
  sql.run('update holds set app = :name where app = :old', names)
  sql.run('update or ignore quarantine set app = :name where app = :old', names)
  sql.run('update or ignore freezes set scope = :name where scope = :old', names)
  sql.run('delete from quarantine where app = :old', { old: names.old })
  sql.run('delete from freezes where scope = :old', { old: names.old })
}
