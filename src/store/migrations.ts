import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { FailPoint } from '../lib/fail-point.ts'
import { createPrivateFile } from './directory.ts'
import { StoreError } from './errors.ts'

/** One step of the schema: what `NNNN-name.sql` of `migrations/` says. */
export type Migration = { readonly version: number; readonly sql: string }

/** The migrations of `directory` in order: 1, 2, 3 … without a gap. */
export function readMigrations(directory: string): readonly Migration[] {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  return names.map((name, position) => {
    const version = Number(name.slice(0, 4))
    if (version !== position + 1) throw new Error(`migrations/${name}: expected number ${position + 1} here`)
    return { version, sql: readFileSync(join(directory, name), 'utf8') }
  })
}

/**
 * Brings the schema up to the newest migration, each in a transaction of its own with its number (`user_version`), so
 * that a death half-way leaves the version before. Refuses a schema that is newer than this program.
 */
export function migrate(
  database: DatabaseSync,
  { migrations, path, failPoint }: { migrations: readonly Migration[]; path: string; failPoint: FailPoint },
): void {
  const current = Number(database.prepare('pragma user_version').get()?.['user_version'])
  if (current > migrations.length) {
    throw new StoreError(
      'newer_schema',
      `${path} was written by a newer deployhook (schema ${current}, this one knows ${migrations.length}): ` +
        `run that version again, or restore the copy from before the upgrade, ${path}.schema-${migrations.length}, ` +
        `if it is there, or a backup (docs/backup.md)`,
    )
  }
  if (current > 0 && current < migrations.length) keepCopy(database, `${path}.schema-${current}`)
  for (const { version, sql } of migrations.slice(current)) {
    database.exec(`begin immediate;\n${sql};\npragma user_version = ${version}`)
    failPoint('in-migration')
    database.exec('commit')
  }
}

/** The way back to the program before; made anew when an upgrade that died half-way is tried again. */
function keepCopy(database: DatabaseSync, copy: string): void {
  rmSync(copy, { force: true })
  createPrivateFile(copy)
  database.prepare('vacuum into ?').run(copy)
}
