import { createHash } from 'node:crypto'
import type { App, Repository } from '../model/deploy-map.ts'

/** What one question answers for: a repository as reached by one way, and the apps that are deployed from it. */
export type Remote = {
  readonly key: string
  readonly host: string
  readonly apps: readonly [App, ...App[]]
  /** The shortest that any of its apps wants. */
  readonly everyMs: number
}

/** The remotes of all apps that have catch-up; apps that get at a repository in the same way share one. */
export function remotesOf(apps: Iterable<App>): readonly Remote[] {
  const remotes = new Map<string, Remote>()
  for (const app of apps) {
    if (app.catchUpMs === 0) continue
    const key = remoteKey(app)
    const known = remotes.get(key)
    remotes.set(key, {
      key,
      host: hostOf(app.repo),
      apps: known === undefined ? [app] : [...known.apps, app],
      everyMs: Math.min(known?.everyMs ?? app.catchUpMs, app.catchUpMs),
    })
  }
  return [...remotes.values()]
}

/** The same for apps that ask the same question as the same user. A hash, because a token is part of it. */
export function remoteKey(app: Pick<App, 'repo' | 'git'>): string {
  const known = keys.get(app)
  if (known !== undefined) return known
  const key = hashOf(app)
  keys.set(app, key)
  return key
}

/** An app never changes: a reload makes new ones. */
const keys = new WeakMap<Pick<App, 'repo' | 'git'>, string>()

function hashOf({ repo, git }: Pick<App, 'repo' | 'git'>): string {
  const { sshKey, knownHosts, token, username } = git
  const way = [repo.identity, repo.url.replace(/(?:\.git)?\/*$/, ''), sshKey, knownHosts, token?.reveal(), username]
  return createHash('sha256').update(JSON.stringify(way)).digest('hex')
}

function hostOf({ protocol, identity }: Repository): string {
  return protocol === 'file' ? identity : (identity.split('/')[0] ?? identity)
}
