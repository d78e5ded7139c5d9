import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { App } from '../../model/deploy-map.ts'
import type { DeploymentResult } from '../../model/deployment.ts'
import type { Release } from '../../model/release.ts'
import { failed } from '../outcome.ts'
import type { Run } from '../run.ts'
import { writeGitFile } from '../view.ts'
import { ended, type Earlier, type Prepared, type Strategy, type Wanted } from '../strategy.ts'
import { layoutOf, layoutProblem, readCurrent, type Layout } from './layout.ts'
import { makeRelease, type MakeDeps } from './make-release.ts'
import { unfitFor } from './ownership.ts'
import { pruneReleases, removeHalfMade } from './prune.ts'
import { changeRecord, listReleases } from './records.ts'
import { switchTo } from './switch.ts'

/** Each deployment makes a directory of its own beside the live one, and `current` is switched to it once it is whole. */
export function createReleases({ stateDirectory, ...deps }: MakeDeps & { readonly stateDirectory: string }): Strategy {
  const layout = ({ app }: Pick<Run, 'app'>): Layout => layoutOf(app, stateDirectory)

  return {
    async prepare(run, wanted) {
      const { job } = run
      const own = layout(run)
      const unusable = await unusableAs(run, own)
      if (unusable !== null) return ended(unusable)
      await ifPossible(run, () => removeHalfMade(own))
      const finished = (await listReleases(own)).find((release) => isFinished(release, run, wanted))
      if (finished === undefined) {
        await ifPossible(run, () => pruneReleases(own, { keep: Infinity, needed: new Set() })) // what failed to build
        return makeRelease(run, wanted, { layout: own, deps })
      }
      await run.progress.note(
        `release ${finished.name} was built before deployment ${job.deployment.id} was interrupted`,
      )
      return takeUp(run, finished, own)
    },

    async recall(run, target) {
      const own = layout(run)
      const unusable = await unusableAs(run, own)
      if (unusable !== null) return ended(unusable)
      const release = (await listReleases(own)).find((one) => isMeant(one, target))
      if (release === undefined || !release.isComplete) return ended(failed('release_gone', goneText(run, target)))
      if (run.backFrom === null) await run.progress.revision(release.revision)
      return takeUp(run, release, own)
    },

    async seal(run, { release }) {
      if (release === null) return
      await changeRecord(layout(run), release, { isComplete: true })
      deps.failPoint('after-seal')
    },

    async goLive(run, { release }) {
      if (release === null) return
      await switchTo(layout(run), release)
      await run.progress.note(`${layout(run).current} leads to ${release} now`)
    },

    /** What is live counts when it has proven itself, whatever became of its deployment; else what last succeeded. */
    async fallback(run) {
      const own = layout(run)
      const releases = await listReleases(own)
      const good =
        releases.find(({ isLive, isProven }) => isLive && isProven) ??
        releases.find(({ name, isComplete }) => isComplete && name === run.job.previousRelease)
      return good === undefined ? null : { kind: 'release', name: good.name }
    },

    async hasLeft(run, earlier) {
      const current = await readCurrent(layout(run))
      return !(current.kind === 'release' && earlier.kind === 'release' && current.name === earlier.name)
    },

    async prove(run, { release }) {
      if (release !== null) await changeRecord(layout(run), release, { isProven: true })
    },

    async whatIsLive(run) {
      const own = layout(run)
      const current = await readCurrent(own)
      if (current.kind === 'none') return `there is no ${own.current}`
      return current.kind === 'other' ? current.what : `${own.current} leads to ${current.name}`
    },

    tidy: (run) => ifPossible(run, () => prune(run, run.app.keep)),

    makeRoom: async (run) => (await unusableAs(run, layout(run))) === null && prune(run, 0),
  }

  /** What is live, and what was live and well before it, always stay. */
  async function prune(run: Run, keep: number): Promise<boolean> {
    const own = layout(run)
    const { previousRelease, target } = run.job
    const needed = [previousRelease, target?.kind === 'release' ? target.name : null].filter((name) => name !== null)
    deps.failPoint('before-prune')
    const pruned = await pruneReleases(own, { keep, needed: new Set(needed) })
    deps.failPoint('after-prune')
    if (pruned.length > 0)
      await run.progress.note(`removed ${pruned.length === 1 ? 'release' : 'releases'} ${pruned.join(', ')}`)
    return pruned.length > 0
  }
}

async function unusableAs({ runAs }: Run, own: Layout): Promise<DeploymentResult | null> {
  const problem = await layoutProblem(own)
  return problem === null ? unfitFor(runAs, own) : failed('path_unusable', problem)
}

/** No deployment depends on the end of what is not needed any more. */
async function ifPossible({ progress }: Run, remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    await progress.note(`an old release could not be removed; the next deployment tries again: ${why}`)
  }
}

/** The app's releases that are there, newest first. */
export async function releasesOf(app: App, stateDirectory: string): Promise<readonly Release[]> {
  return app.strategy === 'releases' ? listReleases(layoutOf(app, stateDirectory)) : []
}

/** To be repeated when interrupted. */
export async function renameReleases(
  stateDirectory: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  const [old, now] = [from, to].map((name) => layoutOf({ path: '/', name }, stateDirectory))
  if (old === undefined || now === undefined) return
  for (const part of ['views', 'records'] as const) {
    if (!existsSync(old[part]) || existsSync(now[part])) continue
    await mkdir(dirname(now[part]), { recursive: true, mode: 0o700 })
    await rename(old[part], now[part])
  }
}

/** Its steps may ask git, wherever the view lies by now: the app may have another name than when the release was made. */
async function takeUp({ runAs }: Run, { name, revision, ref }: Release, layout: Layout): Promise<Prepared> {
  const view = layout.viewOf(name)
  if (runAs === null && existsSync(view)) await writeGitFile(layout.directoryOf(name), view)
  return {
    kind: 'prepared',
    version: { revision, ref, directory: layout.directoryOf(name), release: name },
    isBuilt: true,
  }
}

/** By an attempt of this very deployment that was cut off after it. */
function isFinished(release: Release, { app, job }: Run, { revision }: Wanted): boolean {
  return (
    release.isComplete &&
    release.deployment === job.deployment.id &&
    release.revision === revision &&
    release.fingerprint === app.fingerprint
  )
}

function isMeant(release: Release, target: Earlier): boolean {
  return target.kind === 'release' ? release.name === target.name : release.revision === target.revision
}

function goneText({ app }: Run, target: Earlier): string {
  const what = target.kind === 'release' ? `release ${target.name}` : `a release of ${target.revision.slice(0, 12)}`
  return `${what} is not there (any more): deployhook releases ${app.name} lists those that are`
}
