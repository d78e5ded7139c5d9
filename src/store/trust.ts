import { statSync } from 'node:fs'
import { asStoreError, isFailedSync, StoreError } from './errors.ts'

/** Whether what is written to the open database will be found by the next start. Once it is lost, it stays lost. */
export type Trust = {
  /** Why it is lost; null: it is not. */
  lost(): StoreError | null
  /** Throws when state.db or its write-ahead log is no longer at its place or whole: what is written then is nobody's to find. */
  check(): void
  /** `error` as a `StoreError` where it is one. A sync that failed ends the trust. */
  judge(error: unknown): unknown
  /** Whether SQLite may still write to the files, as it does when it closes them. */
  mayClose(): boolean
  /** Resolves when it is lost. */
  readonly ended: Promise<StoreError>
}

/** Trust in the files at `path` and `path`-wal as they are now. */
export function createTrust(path: string): Trust {
  const { promise: ended, resolve } = Promise.withResolvers<StoreError>()
  const opened = [path, `${path}-wal`].map((file) => ({ file, identity: identityOf(file) }))
  const sizeAtFirst = sizeOf(path)
  let reason: StoreError | null = null
  let hasFailedToSync = false

  return {
    ended,
    lost: () => reason,
    mayClose: () => !hasFailedToSync,
    check() {
      if (reason !== null) throw reason
      const gone = opened.find(({ file, identity }) => identityOf(file) !== identity)
      if (gone !== undefined) throw lose(wasHarmed(gone.file, 'deleted or replaced'))
      // SQLite reads on from its cache, and would fill the hole with what it happens to write next.
      if (sizeOf(path) < sizeAtFirst) throw lose(wasHarmed(path, 'truncated'))
    },
    judge(error) {
      if (!isFailedSync(error)) return asStoreError(error)
      hasFailedToSync = true
      return reason ?? lose(couldNotSync(path, error))
    },
  }

  function lose(error: StoreError): StoreError {
    reason = error
    resolve(error)
    return error
  }
}

function identityOf(file: string): string | null {
  const found = statSync(file, { throwIfNoEntry: false })
  return found === undefined ? null : `${found.dev}:${found.ino}`
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function wasHarmed(file: string, what: string): StoreError {
  return new StoreError(
    'failed',
    `${file} was ${what} while the daemon ran, so nothing more is kept and the daemon ends: put it back if you have it, or restore state.db from a backup (docs/backup.md)`,
  )
}

function couldNotSync(path: string, cause: unknown): StoreError {
  return new StoreError(
    'failed',
    `${path} could not be synced to its disk, so nothing more is kept and the daemon ends, to start again from what the disk holds: look for disk errors in the kernel's log (dmesg)`,
    { cause },
  )
}
