import { existsSync } from 'node:fs'
import { livePath } from '../model/live-path.ts'
import { kindAndName, kindOfRef, refsOf, refToDeploy } from '../model/ref-filter.ts'
import { shortRef } from '../model/ref.ts'
import type { Revision } from '../model/revision.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import { failed, stoppedResult } from './outcome.ts'
import { gitContextOf, type Run } from './run.ts'
import type { Wanted } from './strategy.ts'
import type { Workspace } from './workspace.ts'

/** Fetches, and names the commit that is to be deployed; or how the deployment ended without one. */
export async function findWanted(run: Run, workspace: Workspace): Promise<Wanted | DeploymentResult> {
  const { app, job, progress } = run
  const { deployment, target } = job
  const context = gitContextOf(run)
  const ref = refToDeploy(app, deployment.ref)
  if (ref === null) return unwanted(run)
  await progress.note(`fetching ${shortRef(ref)} of ${app.repo.url}`)
  const fetched = await workspace.fetch(app, { ...context, ref })
  if (fetched.kind === 'stopped') return stoppedResult(fetched.why, { where: 'the fetch', app })
  if (fetched.kind === 'failed') return failed(fetched.reason, fetched.message)
  if (fetched.kind === 'branch_gone') return refGone(run, ref)

  const exact = target?.kind === 'exact' ? target.revision : null
  const { revision: tip } = fetched
  const revision = exact === null ? tip : await workspace.reachableCommit(app, { revision: exact, from: tip }, context)
  if (revision === null) return unreachable(run, { revision: exact ?? tip, ref })
  await nameRevision(run, { revision, ref, tip })
  const skip = await job.skip(revision, {
    isThere: () => existsSync(livePath(app)),
    changedSince: (from) => workspace.changedFiles(app, { from, to: revision }, context),
    message: () => workspace.messageOf(app, revision, context),
  })
  return skip === null ? { revision, ref } : { outcome: 'skipped', ...skip }
}

async function nameRevision(
  { job, progress }: Run,
  { revision, ref, tip }: Wanted & { readonly tip: Revision },
): Promise<void> {
  await progress.revision(revision)
  const { requestedRevision } = job.deployment
  const asked =
    requestedRevision === null || requestedRevision === tip
      ? ''
      : `; ${short(requestedRevision)} was asked for${revision === tip ? `, and the ${kindOfRef(ref)} is elsewhere by now` : ' and is taken'}`
  await progress.note(`${shortRef(ref)} is at ${short(tip)}${asked}`)
}

function unwanted({ app, job: { deployment } }: Run): DeploymentResult {
  const message = `${app.name} does not deploy ${kindAndName(deployment.ref)} any more, but ${refsOf(app)}`
  return { outcome: 'skipped', reason: 'ref_unwanted', message }
}

function refGone({ app }: Run, ref: string): DeploymentResult {
  const message = `there is no ${kindAndName(ref)} at ${app.repo.url} (any more), so nothing was deployed`
  return { outcome: 'skipped', reason: 'branch_gone', message }
}

function unreachable({ app }: Run, { revision, ref }: Wanted): DeploymentResult {
  const message = `${short(revision)} is not a commit of the ${kindAndName(ref)} of ${app.repo.url} (any more), and nothing else may be deployed`
  return failed('revision_unreachable', message)
}

function short(revision: Revision): string {
  return revision.slice(0, 12)
}
