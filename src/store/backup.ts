import { rmSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { createPrivateFile } from './directory.ts'
import { checkIntact } from './intact.ts'
import { asStoreError, StoreError } from './errors.ts'
import { lockDirectory } from './lock.ts'

/** A copy of the database as of one moment, ready to be read once. */
export type Backup = { readonly size: number; readonly stream: NodeJS.ReadableStream }

/** Backs the database up while it is in use: one copy at a time, however often it is asked. */
export function createBackups(directory: string): () => Promise<Backup> {
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const made = last.then(() => openBackup(directory))
    last = made.catch(() => undefined)
    return made
  }
}

/** The copy is a file that has no name any more when this resolves: nothing of it stays once it is read. */
async function openBackup(directory: string): Promise<Backup> {
  const file = join(directory, 'backup.partial')
  rmSync(file, { force: true }) // of a daemon that died at it
  createPrivateFile(file)
  try {
    await copyDatabase(join(directory, 'state.db'), file)
    const handle = await open(file)
    const { size } = await handle.stat()
    return { size, stream: handle.createReadStream() }
  } catch (error) {
    throw asStoreError(error)
  } finally {
    await rm(file, { force: true })
  }
}

/** Copies the database of a state directory that no daemon uses; none can start meanwhile. `to` is an empty file. */
export async function backUpStopped(directory: string, to: string): Promise<void> {
  const lock = lockDirectory(directory)
  try {
    await copyDatabase(join(directory, 'state.db'), to)
  } catch (error) {
    throw asStoreError(error)
  } finally {
    lock.release()
  }
}

/**
 * Page by page, on other threads, by a connection of its own: the daemon's is never waited for, nor does it wait. The
 * transaction holds the moment: without it every commit meanwhile would have the copy begin anew
 * (https://www.sqlite.org/backup.html).
 */
async function copyDatabase(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: 1000 })
  try {
    source.exec('begin')
    source.prepare('select count(*) from sqlite_schema').get()
    await backup(source, to, { rate: 500 })
  } finally {
    source.close()
  }
}

/** What a backup holds, after every page, index and reference of it was checked. Makes it one file, without a log beside. */
export function verifyBackup(file: string): { readonly deliveries: number; readonly deployments: number } {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: true })
  try {
    checkIntact(database, { path: file, pragma: 'integrity_check' })
    database.exec('pragma journal_mode = delete')
    if (database.prepare('pragma foreign_key_check').get() !== undefined)
      throw new StoreError('damaged', `${file} refers to rows that it does not have`)
    return { deliveries: rowsOf(database, 'deliveries'), deployments: rowsOf(database, 'deployments') }
  } finally {
    database.close()
  }
}

function rowsOf(database: DatabaseSync, table: 'deliveries' | 'deployments'): number {
  return Number(database.prepare(`select count(*) as rows from ${table}`).get()?.['rows'])
}
