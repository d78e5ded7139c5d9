import { accessSync, constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'
import { isWithin } from '../lib/path-within.ts'
import { isDirectory, isThere, lockDirectoriesIn, misplacedIn, succeeds } from './misplaced.ts'

/**
 * What of the state directory cannot be used, and the cure; null: all that `own` and `views` are made of can be. What is
 * inside a view is the steps' affair: it is made anew for each deployment.
 * Judged by what is on the disk: a host may write what it likes into the output of git.
 */
export function stateProblem({ own, views, stateDirectory }: Parts): string | null {
  for (const repository of [...own, ...views]) {
    // A `git gc` as root leaves the packs to root.
    for (const path of [dirname(repository), repository, join(repository, 'objects/pack')]) {
      if (!isThere(path)) continue
      if (!isDirectory(path)) return misplacedProblem(path)
      if (!isWritable(path))
        return `${path} may not be written to by this user: as root, chown -R USER ${stateDirectory}; USER is deployhook under its systemd unit.`
    }
  }
  for (const repository of own) {
    const [part] = misplacedIn(repository)
    if (part !== undefined) return misplacedProblem(join(repository, part))
    const [lock] = lockDirectoriesIn(repository)
    if (lock !== undefined) return `${join(repository, lock)} is a directory, but git makes its lock there: ${cure}`
  }
  return null
}

/**
 * What of the state directory a failed call of the system met in the wrong kind, with the cure; null: nothing, or it lies
 * elsewhere.
 */
export function misplacedProblemOf(error: unknown, stateDirectory: string): string | null {
  const named = error instanceof Error ? [pathIn(error, 'dest'), pathIn(error, 'path')] : []
  const paths = named.filter((path) => path !== null).filter((path) => isWithin(path, stateDirectory))
  const met = meetings.get(errorCode(error) ?? '') ?? (() => null)
  const [part] = paths.map(met).filter((path) => path !== null)
  return part === undefined ? null : misplacedProblem(part)
}

const meetings: ReadonlyMap<string, (path: string) => string | null> = new Map([
  ['EISDIR', (path) => (isDirectory(path) ? path : null)],
  ['ENOTDIR', fileOnTheWay],
])

function pathIn(error: Error, key: 'path' | 'dest'): string | null {
  const value: unknown = Reflect.get(error, key)
  return typeof value === 'string' ? value : null
}

/** The path itself or what is above it, where that is there and no directory. */
function fileOnTheWay(path: string): string | null {
  if (isThere(path)) return isDirectory(path) ? null : path
  return path === dirname(path) ? null : fileOnTheWay(dirname(path))
}

function misplacedProblem(path: string): string {
  return isDirectory(path)
    ? `${path} is a directory, but deployhook keeps a file there: ${cure}`
    : `${path} is not a directory, but deployhook keeps one there: ${cure}`
}

const cure = 'move it away and deploy again.'

type Parts = {
  /** Git directories that nobody else writes to. */
  readonly own: readonly string[]
  readonly views: readonly string[]
  readonly stateDirectory: string
}

function isWritable(path: string): boolean {
  return succeeds(() => {
    accessSync(path, constants.W_OK | constants.X_OK)
  })
}
