import { refToDeploy } from '../model/ref-filter.ts'
import { failed, stoppedResult } from './outcome.ts'
import { gitContextOf, type Run } from './run.ts'
import { ended, type Prepared, type Strategy, type Wanted } from './strategy.ts'
import type { CheckedOut, Workspace } from './workspace.ts'

/** The tree is updated where it stands: what is checked out is live at once, and the build runs in it. */
export function createInPlace(workspace: Workspace): Strategy {
  return {
    async prepare(run, wanted) {
      const { app, job } = run
      const { deployment } = job
      await run.progress.note(`checking out ${wanted.revision.slice(0, 12)} in ${app.path}`)
      const checkedOut = await workspace.checkout(app, wanted.revision, {
        ...gitContextOf(run),
        ref: wanted.ref,
        deployment: deployment.id,
        adopt: app.adopt || deployment.adopt,
      })
      return preparedFrom(checkedOut, run, wanted)
    },

    async recall(run, target) {
      const { app, job } = run
      if (target.kind === 'release')
        return ended(failed('no_releases', `${app.name} is deployed in place: give a revision to go back to`))
      const { revision } = target
      const ref = refToDeploy(app, job.deployment.ref) ?? job.deployment.ref
      const missing = await bringIfMissing(run, { revision, ref })
      if (missing !== null) return missing
      if (run.backFrom === null) await run.progress.revision(revision)
      return this.prepare(run, { revision, ref })
    },

    seal: () => Promise.resolve(),
    goLive: () => Promise.resolve(),

    fallback({ job }) {
      const { previousRevision: revision } = job
      return Promise.resolve(revision === null ? null : { kind: 'earlier', revision })
    },

    hasLeft: async ({ app }, earlier) =>
      earlier.kind === 'earlier' && (await workspace.checkedOut(app)) !== earlier.revision,

    prove: () => Promise.resolve(),

    async whatIsLive({ app }) {
      const revision = await workspace.checkedOut(app)
      return revision === null ? `${app.path} holds no whole commit` : `${app.path} holds ${revision.slice(0, 12)}`
    },

    async tidy(run) {
      try {
        await workspace.recordBuilt(run.app, gitContextOf(run))
      } catch (error) {
        if (!run.signal.aborted) throw error
      }
    },

    makeRoom: () => Promise.resolve(false),
  }

  /** A fetch only when the mirror has lost it: the remote need not be reachable to go back. */
  async function bringIfMissing(
    run: Run,
    { revision, ref }: Wanted,
  ): Promise<Extract<Prepared, { kind: 'ended' }> | null> {
    const { app } = run
    if (await workspace.holds(app, revision, gitContextOf(run))) return null
    const fetched = await workspace.fetch(app, { ...gitContextOf(run), ref })
    if (fetched.kind === 'stopped') return ended(stoppedResult(fetched.why, { where: 'the fetch', app }))
    if (fetched.kind === 'failed') return ended(failed(fetched.reason, fetched.message))
    if (await workspace.holds(app, revision, gitContextOf(run))) return null
    return ended(
      failed('revision_gone', `${revision} is not in ${app.repo.url} any more, so there is no going back to it`),
    )
  }
}

function preparedFrom(checkedOut: CheckedOut, { app }: Run, wanted: Wanted): Prepared {
  if (checkedOut.kind === 'stopped') return ended(stoppedResult(checkedOut.why, { where: 'the checkout', app }))
  if (checkedOut.kind === 'failed') return ended(failed(checkedOut.reason, checkedOut.message))
  return { kind: 'prepared', version: { ...wanted, directory: app.path, release: null }, isBuilt: false }
}
