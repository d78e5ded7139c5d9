import { lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What a git directory of ours is made of, parents first; a link to a directory counts as one. */
const directories = [
  ...['objects', 'objects/info', 'objects/pack'],
  ...['refs', 'refs/heads', 'refs/tags', 'refs/deployhook'],
  ...['tip', 'borrowed', 'dirty', 'adopted'].map((kind) => `refs/deployhook/${kind}`),
]
const files = ['HEAD', 'config', 'packed-refs', 'shallow', 'index', 'deployhook.json', 'objects/info/alternates']

/** Parts of a git directory of ours that are files where directories belong, or the other way round; relative to it. */
export function misplacedIn(directory: string): readonly string[] {
  return [
    ...directories.filter((part) => isThere(join(directory, part)) && !isDirectory(join(directory, part))),
    ...files.filter((part) => isDirectory(join(directory, part))),
  ]
}

/** Directories that are called as git calls its lock files, for which it takes them: git lets no reference have such a name. */
export function lockDirectoriesIn(directory: string): readonly string[] {
  const places = ['', 'objects/info', ...below(directory, 'refs')]
  return places.flatMap((place) => directoriesIn(directory, place)).filter((part) => part.endsWith('.lock'))
}

export function isThere(path: string): boolean {
  return succeeds(() => lstatSync(path))
}

export function isDirectory(path: string): boolean {
  return succeeds(() => statSync(path)) && statSync(path).isDirectory()
}

export function succeeds(look: () => unknown): boolean {
  try {
    look()
    return true
  } catch {
    return false
  }
}

function below(directory: string, place: string): readonly string[] {
  return [place, ...directoriesIn(directory, place).flatMap((each) => below(directory, each))]
}

function directoriesIn(directory: string, place: string): readonly string[] {
  const path = join(directory, place)
  const entries = isDirectory(path) ? readdirSync(path, { withFileTypes: true }) : []
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(place, name))
}
