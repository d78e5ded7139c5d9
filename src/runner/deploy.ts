import { lengthOf } from '../lib/ago.ts'
import { shortRef } from '../model/ref.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import { Detached } from './detached.ts'
import { findWanted } from './find.ts'
import { goBack } from './go-back.ts'
import { failed, failedByMachine, lowDisk } from './outcome.ts'
import { built, pathsOf, putLive, runPhase, type Tools } from './phases.ts'
import { stoppedIn, type Run } from './run.ts'
import { isPast } from './underway.ts'
import { ended, type Prepared, type Version } from './strategy.ts'

/**
 * A deployment on this machine: fetch, bring the files, build, make them live, see that they are well. One that fails
 * when what was live is not any more goes back to it.
 */
export async function deploy(run: Run, tools: Tools): Promise<DeploymentResult> {
  const startedAt = performance.now()
  const { strategy } = tools
  const back = { run, tools, fallback: await strategy.fallback(run) }
  let version: Version | DeploymentResult
  try {
    version = await makeLive(run, tools)
  } catch (error) {
    return goBackFrom(error, back)
  }
  if ('outcome' in version) return goBack(version, back)

  const unfinished = await runPhase('after', { version, run, tools })
  await strategy.tidy(run)
  return unfinished ?? stoppedIn('its end', run) ?? succeeded(version, { run, tookMs: performance.now() - startedAt })
}

/** The version that is live and well now, or how the deployment ended without one. */
async function makeLive(run: Run, tools: Tools): Promise<Version | DeploymentResult> {
  if (run.goOn?.phase === 'after') return run.goOn.version
  const brought = await bring(run, tools)
  if (brought.kind === 'ended') return brought.result
  return (await putLive(brought.version, run, tools)) ?? brought.version
}

/** What nobody expected must not keep from coming back what was live before; where there is no need of that, it is thrown on. */
async function goBackFrom(error: unknown, back: Parameters<typeof goBack>[1]): Promise<DeploymentResult> {
  if (error instanceof Detached) throw error
  const text = error instanceof Error ? error.message : String(error)
  const unexpected = failedByMachine(error) ?? failed('internal_error', `deployhook itself failed at this (${text})`)
  const result = await goBack(unexpected, back)
  if (result === unexpected) throw error
  return result
}

/** The files of what is to be deployed, built. */
async function bring(run: Run, tools: Tools): Promise<Prepared> {
  const { strategy, workspace } = tools
  const { target } = run.job
  if (run.goOn !== null) {
    const { version, phase } = run.goOn
    return built({ kind: 'prepared', version, isBuilt: isPast('before_switch', phase) }, { run, tools })
  }
  const stopped = stoppedIn('its start', run)
  if (stopped) return ended(stopped)
  // What is there already needs no room, and may be what a full disk needs.
  if (target?.kind === 'release') return built(await strategy.recall(run, target), { run, tools })
  const noRoom = await noRoomFor(target?.kind === 'earlier' ? 'the checkout' : 'the fetch', { run, tools })
  if (noRoom) return ended(noRoom)
  if (target?.kind === 'earlier') return built(await strategy.recall(run, target), { run, tools })

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
