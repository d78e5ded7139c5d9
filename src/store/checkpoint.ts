import type { DatabaseSync } from 'node:sqlite'
import { isFailedSync } from './errors.ts'

/**
 * Moves what the write-ahead log holds into the database once it is long. SQLite would do so by itself, but would tell
 * nobody of a sync that failed at it (https://www.sqlite.org/c3ref/wal_autocheckpoint.html), and at the next one lose
 * what that sync did not write. Throws for that alone: whatever else is in the way, the log is durable as it is. Answers
 * whether it moved anything.
 */
export function createCheckpoint(database: DatabaseSync): () => boolean {
  const look = database.prepare('pragma wal_checkpoint(noop)')
  return () => {
    try {
      const { log, checkpointed } = look.get() ?? {}
      if (Number(log) - Number(checkpointed) < longPages) return false
      database.exec('pragma wal_checkpoint(passive)')
      return true
    } catch (error) {
      if (isFailedSync(error)) throw error
      return false
    }
  }
}

/** Four times SQLite's own default, 16 MiB: pages that are written again and again are moved once. */
const longPages = 4000
