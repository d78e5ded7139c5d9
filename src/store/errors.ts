import { errorCode } from '../lib/error-code.ts'

/**
 * What kept the store from opening or from working. `unavailable` may pass by itself (locked, disk full, failing disk):
 * the caller may try again later. `failed` ends the store: nothing more is written, and the daemon must start anew. The
 * others need a person; `message` says what, where and the cure.
 */
export type StoreErrorCode =
  | 'in_use'
  | 'directory'
  | 'missing_database'
  | 'not_a_database'
  | 'damaged'
  | 'newer_schema'
  | 'old_sqlite'
  | 'closed'
  | 'unavailable'
  | 'failed'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Somebody wrote to a deployment that is not (any more) theirs to write. */
export class NotOwner extends Error {
  override readonly name = 'NotOwner'

  constructor(owner: { readonly id: number; readonly attempt: number }) {
    super(`deployment ${owner.id} is not running as attempt ${owner.attempt} any more`)
  }
}

/** `error` as a `StoreError` if SQLite, or a file beside it, had no room or no way; anything else as it came. */
export function asStoreError(error: unknown): unknown {
  if (mayPass(error))
    return new StoreError('unavailable', `the state directory cannot be written to: ${error.message}`, { cause: error })
  const code = sqliteCode(error)
  const what = code === null ? undefined : obstacles.get(code)
  return what === undefined ? error : new StoreError('unavailable', `state.db ${what}`, { cause: error })
}

/** Errors of the system that are over when somebody has made room, or mounted the disk for writing: a start is to be tried again. */
export function mayPass(error: unknown): error is Error {
  return ['ENOSPC', 'EDQUOT', 'EROFS'].includes(errorCode(error) ?? '')
}

/**
 * Whether a sync to the disk failed. The kernel may then have thrown away what was to be written, and a second try would
 * succeed without it (https://wiki.postgresql.org/wiki/Fsync_Errors): only what a new start reads is true.
 */
export function isFailedSync(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && failedSyncs.has(Number(error.errcode))
}

/** SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC. */
const failedSyncs: ReadonlySet<number> = new Set([1034, 1290])

/** The primary result code (https://www.sqlite.org/rescode.html) of an error that node:sqlite threw, else null. */
export function sqliteCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : null
}

export const sqliteCodes = { busy: 5, corrupt: 11, notADatabase: 26 }

const obstacles: ReadonlyMap<number, string> = new Map([
  [sqliteCodes.busy, 'is locked by another process'],
  [6, 'is locked'],
  [7, 'could not be used: out of memory'],
  [8, 'is read-only: look at its permissions and at how its disk is mounted'],
  [10, 'could not be read or written: the disk failed or is full'],
  [sqliteCodes.corrupt, 'is damaged: stop the daemon and restore it from a backup'],
  [13, 'could not be written: the disk is full'],
  [14, 'could not be opened: it was moved, or too many files are open'],
  [15, 'could not be locked'],
  [sqliteCodes.notADatabase, 'is not a database any more: stop the daemon and restore it from a backup'],
])
