import { chmod, lstat, mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../lib/clock.ts'
import type { FailPoint } from '../../lib/fail-point.ts'
import { syncPath } from '../../lib/sync-path.ts'
import type { App } from '../../model/deploy-map.ts'
import type { DeploymentResult } from '../../model/deployment.ts'
import { releaseName } from '../../model/release.ts'
import type { Revision } from '../../model/revision.ts'
import { forbiddenText, makePath } from '../make-path.ts'
import { failed, stoppedResult } from '../outcome.ts'
import { ownHome } from '../home.ts'
import { removeTree } from '../remove-tree.ts'
import { exists } from '../repository-files.ts'
import { gitContextOf, type Run } from '../run.ts'
import { ended, type Prepared, type Wanted } from '../strategy.ts'
import type { Workspace } from '../workspace.ts'
import { makingName, type Layout } from './layout.ts'
import { giveTo } from './ownership.ts'
import { listReleases, writeRecord } from './records.ts'
import { linkShared } from './shared.ts'

export type MakeDeps = {
  readonly workspace: Pick<Workspace, 'checkoutRelease'>
  readonly failPoint: FailPoint
  readonly clock: Clock
}

/** A new directory beside the live one, with the files of the revision and the links to what is shared; not built yet. */
export async function makeRelease(
  run: Run,
  wanted: Wanted,
  { layout, deps }: { readonly layout: Layout; readonly deps: MakeDeps },
): Promise<Prepared> {
  const { app, job, progress } = run
  const { id: deployment, adopt } = job.deployment
  const occupied = await occupiedProblem(app, layout, app.adopt || adopt)
  if (occupied !== null) return ended(failed('path_occupied', occupied))
  for (const part of [app.path, layout.releases, layout.shared])
    if (!(await makeOpen(part))) return ended(failed('path_unusable', forbiddenText(app.path)))

  const madeAt = deps.clock.now()
  const name = await freeName(layout, { madeAt, revision: wanted.revision })
  const directory = join(layout.releases, makingName({ deployment, attempt: job.attempt }))
  await progress.note(`making release ${name} in ${layout.releases}`)
  await mkdir(directory, { mode: 0o700 })
  const problem = await fill(run, wanted, { layout, deps, directory, name })
  if (problem !== null) {
    await removeTree(directory)
    return ended(problem)
  }

  const { revision, ref } = wanted
  const { fingerprint } = app
  const record = { revision, ref, deployment, fingerprint, madeAt, isComplete: false, isProven: false }
  await writeRecord(layout, name, record)
  deps.failPoint('before-release')
  await chmod(directory, 0o755)
  await rename(directory, layout.directoryOf(name))
  await syncPath(layout.releases)
  deps.failPoint('after-release')
  return {
    kind: 'prepared',
    version: { ...wanted, directory: layout.directoryOf(name), release: name },
    isBuilt: false,
  }
}

async function fill(
  run: Run,
  wanted: Wanted,
  of: { readonly layout: Layout; readonly deps: MakeDeps; readonly directory: string; readonly name: string },
): Promise<DeploymentResult | null> {
  const { layout, deps, directory, name } = of
  const { app } = run
  const context = {
    ...gitContextOf(run),
    ref: wanted.ref,
    directory,
    view: run.runAs === null ? layout.viewOf(name) : null,
    earlier: run.runAs === null ? await liveRelease(layout) : null,
  }
  const checkedOut = await deps.workspace.checkoutRelease(app, wanted.revision, context)
  if (checkedOut.kind === 'stopped') return stoppedResult(checkedOut.why, { where: 'the checkout', app })
  if (checkedOut.kind === 'failed') return failed(checkedOut.reason, checkedOut.message)
  const problem = await linkShared(app.shared, {
    release: directory,
    final: layout.directoryOf(name),
    shared: layout.shared,
    user: run.runAs,
  })
  if (problem !== null) return failed('shared_unusable', problem)
  const notGiven = run.runAs === null ? null : await giveTo(run.runAs, directory)
  return notGiven === null ? null : failed('path_unusable', notGiven)
}

async function liveRelease(layout: Layout): Promise<{ directory: string; revision: Revision } | null> {
  const live = (await listReleases(layout)).find(({ isLive }) => isLive)
  return live === undefined ? null : { directory: layout.directoryOf(live.name), revision: live.revision }
}

/** Whatever the umask: the release's own user must come through. false: it may not be made. */
async function makeOpen(directory: string): Promise<boolean> {
  const made = await makePath(directory)
  if (made === 'made') await chmod(directory, 0o755)
  return made !== 'forbidden'
}

/** The parts of the layout are ours only when the app's path held nothing else, or may be taken over. */
async function occupiedProblem(app: App, layout: Layout, adopt: boolean): Promise<string | null> {
  const found = await lstat(app.path).catch(() => null)
  if (found === null) return null
  if (!found.isDirectory()) return `${app.path} is not a directory. Move it away, or give another path.`
  const strangers = (await readdir(app.path)).filter((name) => !ours.has(name))
  if (strangers.length === 0 || adopt || (await exists(layout.records))) return null
  return `${app.path} holds ${strangers.includes('.git') ? 'a clone' : 'files that deployhook did not put there'}. Give another path, or say adopt: true (or deployhook deploy ${app.name} --adopt) to have releases/, shared/ and current beside them.`
}

const ours: ReadonlySet<string> = new Set([ownHome, 'releases', 'shared', 'current', 'current.deployhook-new'])

async function freeName(layout: Layout, of: { readonly madeAt: Date; readonly revision: Revision }): Promise<string> {
  const wanted = releaseName(of.madeAt, of.revision)
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`
    const isTaken = (await exists(layout.directoryOf(name))) || (await exists(layout.recordOf(name)))
    if (!isTaken) return name
  }
}
