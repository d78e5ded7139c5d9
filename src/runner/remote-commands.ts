import type { Command } from './command.ts'
import { remoteHardening } from './git-environment.ts'
import type { Place } from './git.ts'

/** Fetches into refs of ours; as data, for `RunCommand`. What the refspecs with a `*` cover and the remote lacks goes. */
export function fetchCommand(
  place: Place,
  { url, refspecs }: { readonly url: string; readonly refspecs: readonly string[] },
): Command['argv'] {
  return remoteCommand(place, [...fetchArgs, '--prune', '--end-of-options', url, ...refspecs])
}

/** Fetches commits by their ids, where the host allows that. */
export function fetchCommitsCommand(
  place: Place,
  { url, refspecs }: { readonly url: string; readonly refspecs: readonly string[] },
): Command['argv'] {
  return remoteCommand(place, [...fetchArgs, '--end-of-options', url, ...refspecs])
}

/** Copies refs and objects of a local repository of ours; what somebody committed long ago is not judged. */
export function importCommand(
  place: Place,
  { from, refspecs }: { readonly from: string; readonly refspecs: readonly string[] },
): Command['argv'] {
  return remoteCommand(place, ['-c', 'transfer.fsckObjects=false', ...fetchArgs, '--end-of-options', from, ...refspecs])
}

/** Asks the remote whether it has this ref: exit code 2 means that it answered, and has not. */
export function lsRemoteCommand(
  place: Place,
  { url, ref }: { readonly url: string; readonly ref: string },
): Command['argv'] {
  return remoteCommand(place, [
    'ls-remote',
    '--exit-code',
    '--quiet',
    '--upload-pack=git-upload-pack',
    '--end-of-options',
    url,
    ref,
  ])
}

const fetchArgs = [
  'fetch',
  '--no-tags',
  '--no-recurse-submodules',
  '--no-write-fetch-head',
  '--no-auto-maintenance',
  '--progress',
  '--upload-pack=git-upload-pack',
]

/** A command that reaches a remote, as data. */
export function remoteCommand(place: Place, args: readonly string[]): Command['argv'] {
  return ['git', ...remoteHardening.flatMap((setting) => ['-c', setting]), `--git-dir=${place.gitDir}`, ...args]
}
