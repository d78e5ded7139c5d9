import { chmodSync, closeSync, existsSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { asStoreError, mayPass, StoreError } from './errors.ts'
import { refuseUnusableParts } from './parts.ts'

/**
 * Makes sure that `directory` exists and is nobody else's to look into (0700). One that other users can write to, or
 * that holds other things than a state directory's, is left alone and refused: it may be somebody's home or /tmp.
 */
export function prepareDirectory(directory: string): void {
  try {
    const made = mkdirSync(directory, { recursive: true, mode: 0o700 })
    if (made !== undefined) syncDirectory(dirname(made))
    if (made === undefined) keepOthersOut(directory)
    refuseUnusableParts(directory)
  } catch (error) {
    if (error instanceof StoreError || mayPass(error)) throw asStoreError(error)
    throw new StoreError('directory', `cannot use ${directory} as state directory: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

function keepOthersOut(directory: string): void {
  const mode = lstatSync(directory).mode & 0o777
  if ((mode & 0o077) === 0) return
  const isOurs = existsSync(join(directory, 'state.db')) || readdirSync(directory).length === 0
  if ((mode & 0o022) !== 0 || !isOurs) {
    throw new StoreError(
      'directory',
      `the state directory ${directory} is open to other users (mode ${mode.toString(8)}): give deployhook a directory ` +
        `of its own with --state, or if this is the one, chmod 700 ${directory}`,
    )
  }
  chmodSync(directory, 0o700)
}

/** Makes `path` as an empty file for this user alone. An existing one is not even opened. */
export function createPrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
}

/** Makes the directory's entries durable: a new file can be gone after a power cut although its content was synced. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
