import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { FailPoint } from '../lib/fail-point.ts'
import type { Log } from '../lib/log.ts'
import { createPrivateFile, prepareDirectory, syncDirectory } from './directory.ts'
import { asStoreError, StoreError } from './errors.ts'
import { checkIntact } from './intact.ts'
import { lockDirectory, pidFile } from './lock.ts'
import { migrate, readMigrations } from './migrations.ts'
import { directoriesInside } from './parts.ts'
import { lockPatienceMs } from './transaction.ts'
import { createTrust, type Trust } from './trust.ts'

export type OpenedDatabase = {
  readonly database: DatabaseSync
  readonly trust: Trust
  readonly databaseId: string
  readonly stateId: string
  readonly close: () => void
}

/**
 * Opens `<directory>/state.db`, for this process alone, made on first use and brought up to date. Throws a `StoreError`
 * rather than make a new one where an old one is missing, or work with one that is damaged or not ours.
 */
export function openDatabase(
  directory: string,
  { log, failPoint }: { log: Log; failPoint: FailPoint },
): OpenedDatabase {
  refuseOldSqlite(versionOf(new DatabaseSync(':memory:')))
  prepareDirectory(directory)
  const lock = lockDirectory(directory)
  try {
    const database = openLocked(directory, { log, failPoint })
    const trust = createTrust(database, join(directory, 'state.db'))
    const databaseId = idOf(database)
    return { database, trust, databaseId, stateId: stateIdOf(directory, databaseId), close }

    function close(): void {
      // Left open, and the lock held, to the end of the process: closing would write and sync once more, and succeed.
      if (!trust.mayClose()) return
      try {
        // In this order: a pid file without a write-ahead log beside it is what `warnOfMissingWal` looks for.
        rmSync(pidFile(directory), { force: true })
        syncDirectory(directory)
      } finally {
        trust.close()
        database.close()
        lock.release()
      }
    }
  } catch (error) {
    lock.release()
    throw asStoreError(error)
  }
}

function openLocked(directory: string, { log, failPoint }: { log: Log; failPoint: FailPoint }): DatabaseSync {
  const path = join(directory, 'state.db')
  refuseMissing(directory, path)
  warnOfMissingWal(directory, path, log)
  createPrivateFile(path)
  const database = new DatabaseSync(path, { timeout: lockPatienceMs, enableForeignKeyConstraints: true })
  try {
    checkIntact(database, { path, pragma: 'quick_check' })
    refuseEmptied(database, directory, path)
    database.exec('pragma journal_mode = wal')
    database.exec('pragma synchronous = full')
    // What a savepoint would undo goes to a file otherwise, and each writer has one.
    database.exec('pragma temp_store = memory')
    database.exec('pragma wal_autocheckpoint = 0') // see checkpoint.ts
    migrate(database, { migrations: readMigrations(join(import.meta.dirname, 'migrations')), path, failPoint })
    giveId(database)
    mkdirSync(join(directory, 'logs'), { recursive: true, mode: 0o700 })
    writeFileSync(pidFile(directory), `${process.pid}\n`, { mode: 0o600 })
    syncDirectory(directory)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** SQLite before 3.51.3 can corrupt a WAL database (https://www.sqlite.org/wal.html#walresetbug). */
export function refuseOldSqlite(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  if (major * 1_000_000 + minor * 1000 + patch >= 3_051_003) return
  throw new StoreError(
    'old_sqlite',
    `this Node (${process.version}) has SQLite ${version}, which can damage its databases: use a Node with SQLite 3.51.3 or newer`,
  )
}

function versionOf(memory: DatabaseSync): string {
  try {
    return String(memory.prepare('select sqlite_version() as version').get()?.['version'])
  } finally {
    memory.close()
  }
}

/** What is never there before the database is. */
const companions = ['state.db-wal', ...directoriesInside]

function refuseMissing(directory: string, path: string): void {
  if (existsSync(path) && statSync(path).size > 0) return
  refuseBeside(directory, { path, is: existsSync(path) ? 'empty' : 'missing', among: companions })
}

/** All that a young database holds is in its write-ahead log alone: without that it looks as if it had never been used. */
function refuseEmptied(database: DatabaseSync, directory: string, path: string): void {
  if (database.prepare('select 1 from sqlite_schema').get() !== undefined) return
  refuseBeside(directory, {
    path,
    is: 'empty without its write-ahead log, which is gone or broken',
    among: directoriesInside,
  })
}

function refuseBeside(
  directory: string,
  { path, is, among }: { readonly path: string; readonly is: string; readonly among: readonly string[] },
): void {
  const left = among.find((name) => existsSync(join(directory, name)))
  if (left === undefined) return
  throw new StoreError(
    'missing_database',
    `${path} is ${is}, but beside it there is ${left} from before: restore state.db from a backup ` +
      `(docs/backup.md), or, to begin again without queue and history, move ${directory} away`,
  )
}

/** After kill -9 the last commits are in the write-ahead log alone; who deletes it loses them without a trace. */
function warnOfMissingWal(directory: string, path: string, log: Log): void {
  if (!existsSync(pidFile(directory)) || !existsSync(path) || existsSync(`${path}-wal`)) return
  log.warn(
    { path: `${path}-wal` },
    'the last daemon was killed and its write-ahead log is gone since: if somebody deleted it, the last deliveries are lost; if state.db was opened with sqlite3, all is well',
  )
}

function giveId(database: DatabaseSync): void {
  const statement = database.prepare(`insert into meta (key, value) values ('state_id', ?) on conflict do nothing`)
  statement.run(randomBytes(16).toString('hex'))
}

function idOf(database: DatabaseSync): string {
  return String(database.prepare(`select value from meta where key = 'state_id'`).get()?.['value'])
}

/** A database restored beside a daemon that runs, to look into it, must not take that one's processes for its own. */
function stateIdOf(directory: string, databaseId: string): string {
  return createHash('sha256')
    .update(`${databaseId} ${realpathSync(directory)}`)
    .digest('hex')
    .slice(0, 32)
}
