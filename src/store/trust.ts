import type { DatabaseSync } from 'node:sqlite'
import { asStoreError, isFailedSync, StoreError } from './errors.ts'
import { watchDatabase, watchWriteAheadLog, type Harm } from './watched.ts'

/** Whether what is written to the open database will be found by the next start. Once it is lost, it stays lost. */
export type Trust = {
  /** Why it is lost; null: it is not. */
  lost(): StoreError | null
  /** Throws when state.db or its write-ahead log is no longer at its place or whole: what is written then is nobody's to find. */
  check(): void
  /** `error` as a `StoreError` where it is one. A sync that failed ends the trust. */
  judge(error: unknown): unknown
  /** Whether SQLite may still write to the files, as it does when it closes them. Looks at them once more. */
  mayClose(): boolean
  /** Looks at the files no more. */
  close(): void
  /** Resolves when it is lost. */
  readonly ended: Promise<StoreError>
}

/** Trust in the files at `path` and `path`-wal, which `database` has just opened. */
export function createTrust(database: DatabaseSync, path: string): Trust {
  const { promise: ended, resolve } = Promise.withResolvers<StoreError>()
  const files = [watchDatabase(database, path), watchWriteAheadLog(database, `${path}-wal`)]
  let reason: StoreError | null = null
  let mayClose = true

  return {
    ended,
    lost: () => reason,
    check,
    judge(error) {
      if (!isFailedSync(error)) return asStoreError(error)
      mayClose = false
      return reason ?? lose(couldNotSync(path, error))
    },
    mayClose() {
      try {
        check()
      } catch {
        // Whoever wants to know why is told by `ended`.
      }
      return mayClose
    },
    close() {
      for (const file of files) file.close()
    },
  }

  function check(): void {
    if (reason !== null) throw reason
    for (const file of files) {
      const harm = file.harm()
      if (harm === null) continue
      // What a truncated file is filled up with would be moved into the database.
      if (harm === 'truncated') mayClose = false
      throw lose(wasHarmed(file.path, harm))
    }
  }

  function lose(error: StoreError): StoreError {
    reason = error
    resolve(error)
    return error
  }
}

function wasHarmed(file: string, harm: Harm): StoreError {
  return new StoreError(
    'failed',
    `${file} was ${harm} while the daemon ran, so nothing more is kept and the daemon ends: put it back if you have it, or restore state.db from a backup (docs/backup.md)`,
  )
}

function couldNotSync(path: string, cause: unknown): StoreError {
  return new StoreError(
    'failed',
    `${path} could not be synced to its disk, so nothing more is kept and the daemon ends, to start again from what the disk holds: look for disk errors in the kernel's log (dmesg)`,
    { cause },
  )
}
