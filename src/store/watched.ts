import { closeSync, openSync, readSync, statSync, type Stats } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

/** A file of the open database, watched for what somebody else does to it. */
export type Watched = {
  readonly path: string
  /** What was done to it since it was opened; null: nothing that loses anything. */
  harm(): Harm | null
  close(): void
}

export type Harm = 'deleted or replaced' | 'truncated'

/** SQLite makes state.db smaller only after somebody's `vacuum`, and then it has just as many pages as it says. */
export function watchDatabase(database: DatabaseSync, path: string): Watched {
  const pageCount = database.prepare('pragma page_count')
  const pageSize = pageSizeOf(database)
  const opened = statOf(path)
  const identity = identityOf(opened)
  let sizeBefore = opened?.size ?? 0

  return {
    path,
    harm() {
      const found = statOf(path)
      if (found === null || identityOf(found) !== identity) return 'deleted or replaced'
      // SQLite reads on from its cache, and would fill the hole with what it happens to write next.
      if (found.size < sizeBefore && found.size < fullSize()) return 'truncated'
      sizeBefore = found.size
      return null
    },
    close: () => undefined,
  }

  function fullSize(): number {
    try {
      return Number(pageCount.get()?.['page_count']) * pageSize
    } catch {
      return Infinity // its first page, which says so, is gone too
    }
  }
}

/**
 * The write-ahead log: SQLite begins it anew but does not make it smaller, unless somebody has all of it moved into the
 * database. To know how far it must reach costs a look at the index of it that is in memory.
 */
export function watchWriteAheadLog(database: DatabaseSync, path: string): Watched {
  const look = database.prepare('pragma wal_checkpoint(noop)')
  const pageSize = pageSizeOf(database)
  const identity = identityOf(statOf(path))
  const file = openSync(path, 'r')
  const pageNumber = Buffer.alloc(4)
  let framesBefore = 0

  return {
    path,
    harm() {
      const frames = Number(look.get()?.['log'])
      const found = statOf(path)
      if (found === null || identityOf(found) !== identity) return 'deleted or replaced'
      if (found.size < startOf(frames)) return 'truncated'
      // Truncated, and written to since: as long as before, with a hole that reads as zeros.
      if (framesBefore > 0 && framesBefore <= frames && isHole(framesBefore - 1)) return 'truncated'
      framesBefore = frames
      return null
    },
    close() {
      closeSync(file)
    },
  }

  /** Where the frame with this index begins, and the one before it ends: https://www.sqlite.org/fileformat2.html#walformat */
  function startOf(frame: number): number {
    return frame === 0 ? 0 : 32 + frame * (24 + pageSize)
  }

  /** A frame begins with the number of its page, which is never 0. */
  function isHole(frame: number): boolean {
    readSync(file, pageNumber, 0, 4, startOf(frame))
    return pageNumber.readUInt32BE() === 0
  }
}

function pageSizeOf(database: DatabaseSync): number {
  return Number(database.prepare('pragma page_size').get()?.['page_size'])
}

function statOf(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null
}

function identityOf(found: Stats | null): string | null {
  return found && `${found.dev}:${found.ino}`
}
