import { createHash } from 'node:crypto'
import { mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import type { FailPoint } from '../lib/fail-point.ts'
import type { Log } from '../lib/log.ts'
import type { App, Repository } from '../model/deploy-map.ts'
import { kindAndName } from '../model/ref-filter.ts'
import { borrowedRef, type SortedBorrowed } from './borrowed.ts'
import type { RunCommand } from './command.ts'
import { fetchInto } from './fetch-remote.ts'
import type { GitSettings } from './git-environment.ts'
import { createGit } from './git.ts'
import { waitForOthers } from './lock-holder.ts'
import { changeRefsAtAGlance, tipAtAGlance } from './mirror-glance.ts'
import { layOutRepository, removeLeftovers, writeRepositoryConfig } from './repository-files.ts'
import { stateProblem } from './state-parts.ts'
import type { FetchContext, Fetched, GitContext } from './workspace.ts'

export type MirrorDeps = {
  readonly settings: GitSettings
  readonly run: RunCommand
  readonly failPoint: FailPoint
  /** Further variables for git commands that reach a remote: a proxy, an authority's certificate. */
  readonly networkEnv: Readonly<Record<string, string>>
  readonly idleMs: number
  /** How long https may bring less than 1 KiB/s. */
  readonly slowMs: number
  /** Pauses between the tries of what may pass by itself. */
  readonly retryAfterMs: readonly number[]
  readonly clock: Clock
  readonly log: Pick<Log, 'warn'>
}

/** `<state>/mirrors/<repository>.git`: readable, and one per identity whatever characters that has. */
export function mirrorDirectory(stateDirectory: string, { identity }: Pick<Repository, 'identity'>): string {
  const slug = identity
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 60)
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 12)
  return join(stateDirectory, 'mirrors', `${slug}-${hash}.git`)
}

/** All mirrors that are there; what is being made, or was kept of a broken one, is none. */
export async function mirrorDirectories(stateDirectory: string): Promise<readonly string[]> {
  const mirrors = join(stateDirectory, 'mirrors')
  const names = await readdir(mirrors).catch(() => [])
  return names.filter((name) => /-[0-9a-f]{12}\.git$/.test(name)).map((name) => join(mirrors, name))
}

/** What to say of a failure that concerns this app. */
export function whereOf(app: App, stateDirectory: string) {
  const mirror = mirrorDirectory(stateDirectory, app.repo)
  return {
    mirror,
    path: app.path,
    stateProblem: () => stateProblem({ own: [mirror], views: [], stateDirectory }),
    knownHosts: app.git.knownHosts,
    secrets: app.git.token === null ? [] : [app.git.token.reveal()],
  }
}

/**
 * Fetches what the ref leads to, and the tags along with it. By who holds the mirror's lock. The ref of an
 * earlier fetch is deleted first, so that nothing but this fetch can have named the tip. What trees borrow is kept by
 * refs, which also tell the host what we have: it then sends only what is new.
 */
export async function fetchTip(
  app: App,
  context: FetchContext,
  { deps, mirror, borrowed }: { readonly deps: MirrorDeps; readonly mirror: string; readonly borrowed: SortedBorrowed },
): Promise<Fetched> {
  const place = { gitDir: mirror }
  await openMirror(mirror, context)
  const git = createGit(deps.settings, context)
  const tip = `refs/deployhook/tip/${app.name}`
  const keep = borrowed.held.map((one) => ({ ref: borrowedRef(one), to: one.revision }))
  const isChanged = await changeRefsAtAGlance(mirror, { drop: tip, set: keep })
  if (!isChanged) await git.changeRefs(place, { drop: [tip], set: keep })

  deps.failPoint('before-fetch')
  const fetched = await fetchInto(tip, app, { context, deps, mirror, lost: borrowed.lost })
  deps.failPoint('after-fetch')
  if (fetched !== 'fetched') return fetched

  const revision = (await tipAtAGlance(mirror, tip)) ?? (await git.commitOf(place, tip))
  if (revision !== null) return { kind: 'tip', revision }
  return {
    kind: 'failed',
    reason: 'git_failed',
    message: `The ${kindAndName(context.ref)} of ${app.repo.url} does not lead to a commit.`,
  }
}

async function openMirror(directory: string, context: GitContext): Promise<void> {
  await mkdir(dirname(directory), { recursive: true, mode: 0o700 })
  await layOutRepository(directory)
  await writeRepositoryConfig(directory, { bare: 'true' })
  await waitForOthers(directory, context)
  const removed = await removeLeftovers(directory)
  if (removed.length > 0)
    await context.note(`git: removed what an interrupted fetch left in ${directory}: ${removed.join(', ')}`)
}
