import type { App } from '../model/deploy-map.ts'
import { neverAsk, openToken } from './askpass.ts'
import { openSsh } from './ssh.ts'
import type { GitFailure } from './workspace.ts'

/** What a remote command needs to prove who we are, for as long as it is open. */
export type Access = { readonly kind: 'access'; readonly env: Readonly<Record<string, string>>; close(): Promise<void> }

/**
 * Opens the way to the app's repository: ssh with its deploy key, https with its token. The token lies in a 0600 file
 * while the command runs; git learns only where the helper is that reads it, and the helper where the file is.
 */
export async function openAccess(
  { repo, git }: Pick<App, 'repo' | 'git'>,
  stateDirectory: string,
): Promise<Access | GitFailure> {
  if (repo.protocol === 'ssh') return openSsh(git)
  if (repo.protocol === 'https' && git.token !== null) {
    const password = git.token.reveal()
    return openToken({ stateDirectory, origin: new URL(repo.url).host, username: git.username, password })
  }
  return { kind: 'access', env: neverAsk, close: () => Promise.resolve() }
}
