import { accessSync, constants, lstatSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { StoreError } from './errors.ts'

/** What a state directory holds besides the database: directories of their own, each made when it is needed first. */
export const directoriesInside = ['logs', 'mirrors', 'trees', 'views', 'adopted', 'homes', 'kept']

const filesInside = ['state.db', 'lock', 'daemon.pid']

/** Refuses a state directory in which something stands where it cannot be used: a deployment would only fail at it later. */
export function refuseUnusableParts(directory: string): void {
  refuseForbidden(directory, directory)
  for (const name of directoriesInside) {
    const path = join(directory, name)
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) continue
    // Followed, because a part may lie on another disk.
    const target = statSync(path, { throwIfNoEntry: false })
    if (target === undefined)
      throw unusable(`${path} is a symbolic link that leads to nothing: make what it leads to, or remove the link`)
    if (!target.isDirectory())
      throw unusable(`${path} is not a directory, but deployhook keeps one there: move it away`)
    refuseForbidden(path, directory)
  }
  for (const name of filesInside) {
    const path = join(directory, name)
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw unusable(`${path} is a directory, but deployhook keeps a file there: move it away`)
  }
}

function refuseForbidden(path: string, directory: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    if (errorCode(error) === 'EROFS')
      throw new StoreError('unavailable', `${path} is on a disk that is mounted read-only: mount it for writing`, {
        cause: error,
      })
    throw unusable(
      `${path} may not be read and written by this user: as root, chown -R USER ${directory} and chmod 700 ${path}; ` +
        `USER is deployhook under its systemd unit`,
      error,
    )
  }
}

function unusable(message: string, cause?: unknown): StoreError {
  return new StoreError('directory', message, { cause })
}
