import { lengthOf } from '../lib/ago.ts'
import { shortRef } from '../model/ref.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import { findWanted } from './find.ts'
import { goBack } from './go-back.ts'
import { lowDisk } from './outcome.ts'
import { built, pathsOf, putLive, runPhase, type Tools } from './phases.ts'
import { stoppedIn, type Run } from './run.ts'
import { ended, type Prepared, type Version } from './strategy.ts'

/**
 * A deployment on this machine: fetch, bring the files, build, make them live, see that they are well. One that fails
 * when what was live is not any more goes back to it.
 */
export async function deploy(run: Run, tools: Tools): Promise<DeploymentResult> {
  const startedAt = performance.now()
  const { strategy } = tools
  const fallback = await strategy.fallback(run)
  const brought = await bring(run, tools)
  if (brought.kind === 'ended') return goBack(brought.result, { run, tools, fallback })
  const { version } = brought
  const failure = await putLive(version, run, tools)
  if (failure) return goBack(failure, { run, tools, fallback })

  const unfinished = await runPhase('after', { version, run, tools })
  await strategy.tidy(run)
  return unfinished ?? stoppedIn('its end', run) ?? succeeded(version, { run, tookMs: performance.now() - startedAt })
}

/** The files of what is to be deployed, built. */
async function bring(run: Run, tools: Tools): Promise<Prepared> {
  const { strategy, workspace } = tools
  const { target } = run.job
  const before = stoppedIn('its start', run) ?? (await noRoomFor('the fetch', { run, tools }))
  if (before) return ended(before)
  if (target !== null && target.kind !== 'exact') return built(await strategy.recall(run, target), { run, tools })

  const wanted = await findWanted(run, workspace)
  if ('outcome' in wanted) return ended(wanted)
  const afterFetch = stoppedIn('the fetch', run) ?? (await noRoomFor('the checkout', { run, tools }))
  if (afterFetch) return ended(afterFetch)
  return built(await strategy.prepare(run, wanted), { run, tools })
}

async function noRoomFor(
  what: string,
  { run, tools }: { readonly run: Run; readonly tools: Tools },
): Promise<DeploymentResult | null> {
  const paths = pathsOf(run, tools)
  const low = await tools.floor.roomFor(paths)
  if (low === null || !(await tools.strategy.makeRoom(run))) return lowDisk(low, what)
  return lowDisk(await tools.floor.roomFor(paths), what)
}

function succeeded(
  { revision, ref, release }: Version,
  { run, tookMs }: { readonly run: Run; readonly tookMs: number },
): DeploymentResult {
  const { app, started } = run
  const where = release === null ? app.path : `${app.path}/current (${release})`
  const steps = started.steps === 1 ? '1 step' : `${started.steps} steps`
  const message = `${shortRef(ref)} at ${revision.slice(0, 12)} is live in ${where}, after ${steps} and ${lengthOf(tookMs)}`
  return { outcome: 'succeeded', reason: null, message }
}
