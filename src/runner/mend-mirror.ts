import { rename, rm } from 'node:fs/promises'
import type { App } from '../model/deploy-map.ts'
import { allBorrowedFrom, borrowedBy, sortBorrowed } from './borrowed.ts'
import { createEvidence } from './evidence.ts'
import { failureOf } from './git-failure.ts'
import { GitCommandError } from './git-command-error.ts'
import { createGit } from './git.ts'
import { fetchTip, mirrorDirectory, whereOf, type MirrorDeps } from './mirror.ts'
import { misplacedIn } from './misplaced.ts'
import { exists } from './repository-files.ts'
import type { FetchContext, Fetched, GitFailureReason } from './workspace.ts'

/**
 * Fetches the tip. When that fails and the mirror turns out to be broken (a power cut, a bad disk), it is made anew.
 * By who holds the mirror's lock.
 */
export async function fetchMending(app: App, context: FetchContext, deps: MirrorDeps): Promise<Fetched> {
  const { stateDirectory } = deps.settings
  const mirror = mirrorDirectory(stateDirectory, app.repo)
  const git = createGit(deps.settings, context)
  const borrowed = await sortBorrowed(await borrowedBy(app.name, stateDirectory), { git, mirror })
  // Nothing is ever pruned: it was deleted and made anew meanwhile, or it is broken, and a fetch would cover that up.
  const hasLost = borrowed.lost.length > 0 && (await exists(mirror))
  if (hasLost || misplacedIn(mirror).length > 0) {
    const renewed = await renewIfBroken(app, context, deps)
    if (renewed !== null) return renewed
  }
  const tried = await fetchTip(app, context, { deps, mirror, borrowed }).catch(gitsAnswer)
  const failure =
    tried instanceof GitCommandError
      ? failureOf('git', tried.output, { repo: null, ...whereOf(app, stateDirectory) })
      : tried
  const isSuspicious = failure.kind === 'failed' && suspicious.has(failure.reason)
  const renewed = isSuspicious ? await renewIfBroken(app, context, deps) : null
  if (renewed !== null) return renewed
  if (tried instanceof GitCommandError) throw tried
  if (tried.kind !== 'failed' || tried.reason !== 'store_broken') return tried
  const cure = `What ${app.repo.url} itself holds seems to be broken: mend it there (git fsck), for the mirror here is whole.`
  return {
    kind: 'failed',
    reason: 'bad_objects',
    message: `${tried.message.replace(/ What is stored .*$/, '')} ${cure}`,
  }
}

/**
 * A mirror that is not whole is cloned anew beside, with all that trees borrow from it, then put in its place; the
 * broken one is kept. While the remote does not answer, nothing is changed. null: it is whole.
 */
export async function renewIfBroken(app: App, context: FetchContext, deps: MirrorDeps): Promise<Fetched | null> {
  const { settings, clock, log } = deps
  const mirror = mirrorDirectory(settings.stateDirectory, app.repo)
  const git = createGit(settings, context)
  if (misplacedIn(mirror).length === 0 && (await git.isWhole({ gitDir: mirror }))) return null

  await context.note(`git: ${mirror} is broken, so the repository is fetched anew`)
  const lost = await allBorrowedFrom(mirror, { stateDirectory: settings.stateDirectory, git })
  const beside = `${mirror}.fresh`
  await rm(beside, { recursive: true, force: true })
  const fetched = await fetchTip(app, context, { deps, mirror: beside, borrowed: { held: [], lost } })
  if (fetched.kind !== 'tip') return fetched

  const kept = await createEvidence(mirror, clock.now()).keepAll()
  await rename(beside, mirror)
  await context.note(`git: ${mirror} is made anew; the broken one is kept at ${kept}`)
  log.warn({ app: app.name, mirror, kept }, 'a mirror was broken and has been made anew')
  return fetched
}

/** Reasons that a broken mirror can hide behind; the remote, the network or the disk explain all others. */
export const suspicious: ReadonlySet<GitFailureReason> = new Set(['store_broken', 'git_failed'])

function gitsAnswer(error: unknown): GitCommandError {
  if (error instanceof GitCommandError) return error
  throw error
}
