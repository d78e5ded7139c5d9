import { lengthOf } from '../lib/ago.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import { failed } from './outcome.ts'
import { built, putLive, type Tools } from './phases.ts'
import type { Run } from './run.ts'
import type { Earlier } from './strategy.ts'

/**
 * What becomes of a deployment that failed: when what was live before is not any more, and the app wants it so, it is made live again,
 * and the result tells both stories.
 */
export async function goBack(
  failure: DeploymentResult,
  { run, tools, fallback }: { readonly run: Run; readonly tools: Tools; readonly fallback: Earlier | null },
): Promise<DeploymentResult> {
  if (!isBad(failure)) return failure
  if (fallback === null || run.app.onFailure === 'stop') return stayed(failure, run)
  if (!(await tools.strategy.hasLeft(run, fallback))) return failure
  const { progress } = run
  await progress.note(`${failure.message ?? failure.outcome}: going back to what was live before`)
  tools.failPoint('before-rollback')
  using way = openWayBack(run, failure)
  const startedAt = performance.now()
  const problem = await makeLiveAgain(fallback, way.run, tools)
  if (problem?.outcome === 'interrupted') return problem
  if (problem === null) return wentBack(failure, fallback, performance.now() - startedAt)
  const live = await tools.strategy.whatIsLive(run)
  return failed(
    'rollback_failed',
    `${failure.message ?? failure.outcome}; and going back failed too: ${problem.message ?? problem.outcome}; ${live}`,
  )
}

function isBad({ outcome }: DeploymentResult): boolean {
  return outcome === 'failed' || outcome === 'timed_out' || outcome === 'cancelled'
}

/** Neither what ended the deployment ends the way back, nor the time that it took: only its own time, and a shutdown. */
function openWayBack(run: Run, backFrom: DeploymentResult): { readonly run: Run } & Disposable {
  const late = new AbortController()
  const timer = setTimeout(() => {
    late.abort('timed_out')
  }, run.app.timeoutMs)
  const signal = AbortSignal.any([late.signal, run.job.shutdown])
  return {
    run: { ...run, signal, backFrom, goOn: null },
    [Symbol.dispose]() {
      clearTimeout(timer)
    },
  }
}

async function makeLiveAgain(earlier: Earlier, run: Run, tools: Tools): Promise<DeploymentResult | null> {
  const prepared = await built(await tools.strategy.recall(run, earlier), { run, tools })
  if (prepared.kind === 'ended') return prepared.result
  const problem = await putLive(prepared.version, run, tools)
  if (problem === null) await tools.strategy.tidy(run)
  return problem
}

/** A release that failed and is live all the same, which nobody would expect of one that failed. */
function stayed(failure: DeploymentResult, { app, live: { release } }: Run): DeploymentResult {
  if (release === null) return failure
  const why = app.onFailure === 'stop' ? 'on_failure is stop' : 'nothing was live and well before it'
  return { ...failure, message: `${failure.message ?? failure.outcome}; release ${release} stays live: ${why}` }
}

/** A cancel and a time-out stay what they are: only what was sick itself is remembered as rolled back. */
function wentBack(failure: DeploymentResult, to: Earlier, tookMs: number): DeploymentResult {
  const what = to.kind === 'release' ? `release ${to.name}` : to.revision.slice(0, 12)
  const message = `${failure.message ?? failure.outcome}; rolled back: ${what} is live again, after ${lengthOf(tookMs)}`
  return { ...failure, outcome: failure.outcome === 'failed' ? 'rolled_back' : failure.outcome, message }
}
