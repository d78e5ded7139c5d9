import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { keepFile } from './replace-file.ts'

export type GitSettings = {
  readonly stateDirectory: string
  /** PATH: where git is found, and what git itself finds (ssh, git-upload-pack). */
  readonly path: string
}

/**
 * The whole environment of a git of ours: nothing of the daemon's own, no configuration but our own files, no prompt,
 * no replaced objects, one language for messages, and exactly one protocol (`none`: no transport at all).
 * Each variable: https://git-scm.com/docs/git#_environment_variables
 */
export function gitEnvironment(
  { stateDirectory, path }: GitSettings,
  { cookie, protocol }: { readonly cookie: string; readonly protocol: 'https' | 'ssh' | 'file' | 'none' },
): Record<string, string> {
  return {
    PATH: path,
    // Neither ~/.gitconfig nor ~/.netrc. (ssh asks the password database for the home, so ~/.ssh works all the same.)
    HOME: '/nonexistent',
    LC_ALL: 'C',
    DEPLOYHOOK_COOKIE: cookie,
    GIT_ALLOW_PROTOCOL: protocol,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: globalConfig(stateDirectory),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
  }
}

/** Honest old history: written by early tools, refused by nobody's host, harmless. */
const oldHistory: readonly string[] = [
  'badTimezone',
  'missingSpaceBeforeDate',
  'zeroPaddedFilemode',
  'missingEmail',
  'missingNameBeforeEmail',
]

/** On every command line, so that no configuration file can say otherwise. */
export const hardening: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'safe.bareRepository=explicit',
  'submodule.recurse=false',
  // Nothing is ever pruned: trees and views borrow the mirror's objects.
  'gc.auto=0',
  'maintenance.auto=false',
]

/** For local commands: what is saved from a tree must be on the disk before the tree is overwritten. */
export const localHardening: readonly string[] = [
  ...hardening,
  'core.fsync=committed,reference',
  ...oldHistory.map((finding) => `fsck.${finding}=warn`),
  // What takes longer than to start helpers is written by as many as there are processors.
  'checkout.workers=0',
  'checkout.thresholdForParallelism=1000',
  'user.name=deployhook',
  'user.email=deployhook@localhost',
]

/** For commands that reach a remote. */
export const remoteHardening: readonly string[] = [
  ...hardening,
  'credential.helper=',
  'fetch.recurseSubmodules=false',
  'transfer.bundleURI=false',
  'transfer.fsckObjects=true',
  ...oldHistory.map((finding) => `fetch.fsck.${finding}=warn`),
]

/**
 * Writes `<state>/git.config`: `safe.directory` for exactly these local repositories. It has to be the global file,
 * because upload-pack, which serves a local fetch, does not see `-c`. git compares the directory it ends up in, which
 * for `/srv/git/blog` may be `/srv/git/blog.git` or `/srv/git/blog/.git`.
 */
export async function writeGlobalConfig(stateDirectory: string, localPaths: readonly string[]): Promise<void> {
  const named = localPaths.flatMap((path) =>
    ['', '.git', '/.git', '.git/.git'].map((suffix) => path.replace(/\/+$/, '') + suffix),
  )
  const real = await Promise.all(named.map((directory) => realpath(directory).catch(() => directory)))
  const directories = new Set(named.flatMap((directory, at) => [directory, real[at] ?? directory]))
  const lines = [...directories].map((directory) => `\tdirectory = ${configValue(directory)}\n`)
  await keepFile(globalConfig(stateDirectory), `[safe]\n${lines.join('')}`)
}

/** A value of a git configuration file, quoted so that it means itself. */
export function configValue(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`
}

function globalConfig(stateDirectory: string): string {
  return join(stateDirectory, 'git.config')
}
