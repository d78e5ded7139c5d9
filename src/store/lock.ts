import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createPrivateFile } from './directory.ts'
import { sqliteCode, sqliteCodes, StoreError } from './errors.ts'

/**
 * Keeps every other daemon away from the state directory until `release`, or until this process dies: the lock is the
 * kernel's (an exclusive SQLite transaction on an empty file), so nothing stays behind after kill -9.
 * The file must never be opened by other means: closing any other descriptor of it would drop the lock
 * (https://www.sqlite.org/howtocorrupt.html, "POSIX advisory locks canceled").
 */
export function lockDirectory(directory: string): { release(): void } {
  const path = join(directory, 'lock')
  createPrivateFile(path)
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    if (sqliteCode(error) === sqliteCodes.busy) throw inUse(directory)
    throw new StoreError('directory', `cannot lock ${path}: is it on a network file system, or not deployhook's?`, {
      cause: error,
    })
  }
  return {
    release() {
      lock.close()
    },
  }
}

/** Holds the pid of the daemon that has the database open. One left behind tells that the last daemon was killed. */
export function pidFile(directory: string): string {
  return join(directory, 'daemon.pid')
}

function inUse(directory: string): StoreError {
  const pid = pidOf(directory)
  const who = pid === null ? 'which is just starting or stopping' : `pid ${pid}`
  return new StoreError(
    'in_use',
    `another deployhook (${who}) uses the state directory ${directory}: stop it first, or give this one its own with --state`,
  )
}

function pidOf(directory: string): string | null {
  try {
    return /^\d+$/m.exec(readFileSync(pidFile(directory), 'utf8'))?.[0] ?? null
  } catch {
    return null
  }
}
