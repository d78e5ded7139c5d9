import type { DatabaseSync } from 'node:sqlite'
import { sqliteCode, sqliteCodes, StoreError } from './errors.ts'

const applicationId = 0x64706c68

/** Throws unless it is a whole database, and deployhook's (or empty). `integrity_check` looks at all of it and takes longer. */
export function checkIntact(
  database: DatabaseSync,
  { path, pragma }: { readonly path: string; readonly pragma: 'quick_check' | 'integrity_check' },
): void {
  try {
    const problem = String(database.prepare(`pragma ${pragma}(1)`).get()?.[pragma])
    if (problem !== 'ok') throw damaged(path, problem)
    const isEmpty = database.prepare('select 1 from sqlite_schema').get() === undefined
    const id = database.prepare('pragma application_id').get()?.['application_id']
    if (!isEmpty && id !== applicationId) throw foreign(path)
  } catch (error) {
    const code = sqliteCode(error)
    if (code === sqliteCodes.notADatabase) throw foreign(path, error)
    if (code === sqliteCodes.corrupt) throw damaged(path, error)
    throw error
  }
}

function foreign(path: string, cause?: unknown): StoreError {
  return new StoreError(
    'not_a_database',
    `${path} is not deployhook's database, or its beginning is damaged: move it away and restore it from a backup (docs/backup.md)`,
    { cause },
  )
}

function damaged(path: string, cause: unknown): StoreError {
  return new StoreError(
    'damaged',
    `${path} is damaged: restore it from a backup, or save what can be saved with sqlite3's .recover (docs/backup.md)`,
    { cause },
  )
}
