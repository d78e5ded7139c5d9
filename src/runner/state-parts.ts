import { accessSync, constants, lstatSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Which directory of the state cannot be used, and the cure; null: none of those that `repositories` are made of.
 * Judged by what is on the disk: a host may write what it likes into the output of git.
 */
export function stateProblem(repositories: readonly string[], stateDirectory: string): string | null {
  for (const repository of repositories) {
    // A `git gc` as root leaves the packs to root.
    for (const path of [dirname(repository), repository, join(repository, 'objects/pack')]) {
      if (!isThere(path)) continue
      if (!isDirectory(path))
        return `${path} is not a directory, but deployhook keeps one there: move it away and deploy again.`
      if (!isWritable(path))
        return `${path} may not be written to by this user: as root, chown -R USER ${stateDirectory}; USER is deployhook under its systemd unit.`
    }
  }
  return null
}

function isThere(path: string): boolean {
  return succeeds(() => lstatSync(path))
}

function isDirectory(path: string): boolean {
  return succeeds(() => statSync(path)) && statSync(path).isDirectory()
}

function isWritable(path: string): boolean {
  return succeeds(() => {
    accessSync(path, constants.W_OK | constants.X_OK)
  })
}

function succeeds(look: () => unknown): boolean {
  try {
    look()
    return true
  } catch {
    return false
  }
}
