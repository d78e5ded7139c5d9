import { dirname } from 'node:path'
import { realPath } from '../../lib/real-path.ts'
import type { DeploymentResult } from '../../model/deployment.ts'
import { readProgram } from '../exec.ts'
import type { Identity } from '../identity.ts'
import { closedTo } from '../look-as.ts'
import { failed } from '../outcome.ts'
import { lstatOrNull, type Layout } from './layout.ts'

/**
 * Gives a tree to the user, links themselves and never what they lead to. Nobody else may reach it while that goes on. Answers what
 * makes that impossible, or null.
 */
export async function giveTo(user: Identity, path: string): Promise<string | null> {
  const owner = `${user.uid}:${user.gid}`
  const { exitCode } = await readProgram(['chown', '-R', '-P', '-h', owner, '--', path], { timeoutMs: 3_600_000 })
  if (exitCode === 0) return null
  return `the files in ${path} could not be given to ${user.name}: see whether the file system has owners and whether the quota of ${user.name} is used up`
}

/** Why root may not work in the app's path, or the user could not; asked before anything there is touched. null: both can. */
export async function unfitFor(user: Identity | null, layout: Layout): Promise<DeploymentResult | null> {
  if (user === null) return null
  const exchange = (await exchangeProblem(layout.releases, user)) ?? (await exchangeProblem(layout.shared, user))
  if (exchange !== null) return failed('path_unusable', exchange)
  const closed = await closedTo(user, layout.path)
  if (closed === null) return null
  return failed(
    'run_as_unusable',
    `run_as: ${user.name} may not enter ${closed}, so that nothing could run in ${layout.path}: chmod o+x ${closed}, or give another path`,
  )
}

/**
 * Why root may not work below `path`: a directory on the way to it, or itself, is one in which others could exchange what root is
 * about to use for a link. Also where links of root lead on the way. null: none is.
 */
export async function exchangeProblem(path: string, user: Identity): Promise<string | null> {
  return (await exchangeProblemOnTheWay(path, user)) ?? exchangeProblemOnTheWay(realPath(path), user)
}

async function exchangeProblemOnTheWay(path: string, user: Identity): Promise<string | null> {
  for (let at = path; ; at = dirname(at)) {
    const found = await lstatOrNull(at)
    if (found !== null && found.uid !== 0) return belongsText(at, user)
    if (found !== null && !found.isSymbolicLink() && isOpenToOthers(found.mode))
      return `${at} may be written to by others than root, so that ${user.name} could exchange what is in it for links to anything: chmod go-w ${at}`
    if (at === dirname(at)) return null
  }
}

function belongsText(at: string, { name }: Identity): string {
  return `${at} does not belong to root, so that its owner could exchange what is in it for links to anything: chown root ${at} (what is to be ${name}'s is given to it: the releases, and what is in shared/)`
}

/** In /tmp, which is sticky, everybody can make files and nobody exchange those of others. */
function isOpenToOthers(mode: number): boolean {
  return (mode & 0o022) !== 0 && (mode & 0o1000) === 0
}
