import { errorCode } from '../lib/error-code.ts'
import type { App } from '../model/deploy-map.ts'
import { failureOf } from './git-failure.ts'
import { GitCommandError } from './git-command-error.ts'
import { LockHeld } from './lock-holder.ts'
import { whereOf } from './mirror.ts'
import type { Stop } from './runner.ts'
import { misplacedProblemOf, stateProblem } from './state-parts.ts'
import { stopReason } from './stop.ts'
import { treeDirectory } from './tree-directory.ts'
import { viewDirectory } from './view.ts'
import type { GitContext, GitFailure } from './workspace.ts'

/** Failures of git and of the file system become values; an aborted signal explains everything. */
export async function settled<T>(
  app: App,
  {
    context,
    stateDirectory,
    what,
  }: { readonly context: Pick<GitContext, 'signal'>; readonly stateDirectory: string; readonly what: string },
  work: () => Promise<T>,
): Promise<T | GitFailure | { readonly kind: 'stopped'; readonly why: Stop }> {
  const stopped = () =>
    context.signal.aborted ? ({ kind: 'stopped', why: stopReason(context.signal) } as const) : null
  const before = stopped()
  if (before !== null) return before
  try {
    return await work()
  } catch (error) {
    if (error instanceof LockHeld && stopReason(context.signal) === 'timed_out')
      return { kind: 'failed', reason: 'locked', message: `${what} waited until its time was up: ${error.message}` }
    const meanwhile = stopped()
    if (meanwhile !== null) return meanwhile
    const output = error instanceof GitCommandError ? error.output : systemProblem(error)
    if (output === null) throw error
    const where = whereOf(app, stateDirectory)
    const own = [where.mirror, treeDirectory(stateDirectory, app.name)]
    const views = [viewDirectory(stateDirectory, app.name)]
    return failureOf(what, output, {
      repo: null,
      ...where,
      stateProblem: () => stateProblem({ own, views, stateDirectory }) ?? misplacedProblemOf(error, stateDirectory),
    })
  }
}

/** The message of an error that the machine's state explains, not a defect of ours. */
function systemProblem(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  if (withoutStreams.test(error.message)) return 'Too many open files'
  const sentence = systemProblems.get(errorCode(error) ?? '')
  return sentence === undefined ? null : `${sentence} (${error.message})`
}

/** How simple-git trips over a child that Node could give no streams: see lib/unstarted.ts. */
const withoutStreams = /^TypeError: Cannot read properties of undefined \(reading 'on'\)/

/** In git's words, so that one table judges both. */
const systemProblems: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'No space left on device'],
  ['EDQUOT', 'Disk quota exceeded'],
  ['EIO', 'Input/output error'],
  ['EACCES', 'Permission denied'],
  ['EPERM', 'Operation not permitted'],
  ['EROFS', 'Read-only file system'],
  ['ENOTDIR', 'Not a directory'],
  ['EISDIR', 'Is a directory'],
  ['EEXIST', 'File exists'],
  ['EBUSY', 'Operation not permitted'],
  ['ENAMETOOLONG', 'File name too long'],
  ['EMFILE', 'Too many open files'],
  ['ENFILE', 'Too many open files in system'],
  ['EAGAIN', 'Resource temporarily unavailable'],
  ['ENOMEM', 'Cannot allocate memory'],
])
