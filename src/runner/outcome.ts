import { errorCode } from '../lib/error-code.ts'
import { isScarcity } from '../lib/scarcity.ts'
import { formatDuration } from '../lib/duration.ts'
import { unreachable } from '../lib/unreachable.ts'
import type { App } from '../model/deploy-map.ts'
import type { DeploymentResult } from '../model/deployment.ts'
import type { Stop } from './runner.ts'

/** A deployment that was ended early; `where` says what it was doing: `the fetch`, `step 2/3 (npm ci)`. */
export function stoppedResult(
  why: Stop,
  { where, app }: { readonly where: string; readonly app: App },
): DeploymentResult {
  switch (why) {
    case 'cancelled':
      return { outcome: 'cancelled', reason: null, message: `cancelled during ${where}` }
    case 'interrupted':
      return {
        outcome: 'interrupted',
        reason: null,
        message: `interrupted during ${where}, because the daemon was shut down`,
      }
    case 'timed_out':
      return timedOut(
        `ended during ${where}: the deployment took longer than its limit of ${formatDuration(app.timeoutMs)} (timeout of the app)`,
      )
    default:
      return unreachable(why)
  }
}

export function timedOut(message: string): DeploymentResult {
  return { outcome: 'timed_out', reason: 'timeout', message }
}

/** `problem`: why nothing more may be written to a disk; null: it may. */
export function lowDisk(problem: string | null, what: string): DeploymentResult | null {
  return problem === null ? null : failed('disk_full', `${what} was not started: ${problem}`)
}

/** What failed on a full disk, for a reason that may be no other, failed for that: it is tried again when there is room. */
export async function orDiskFull(
  result: DeploymentResult,
  lookAtDisks: () => Promise<string | null>,
): Promise<DeploymentResult> {
  if (result.outcome !== 'failed' || !mayBeTheDisk.has(result.reason ?? '')) return result
  const problem = await lookAtDisks()
  if (problem === null) return result
  return failed('disk_full', `${result.message ?? result.reason ?? 'it failed'}; ${problem}`)
}

const mayBeTheDisk: ReadonlySet<string> = new Set([
  ...['step_failed', 'git_failed', 'store_broken', 'checkout_mismatch', 'path_unusable', 'state_unusable'],
])

/** How a deployment ends by an error that the machine is to blame for; null: another one. */
export function failedByMachine(error: unknown): DeploymentResult | null {
  if (!(error instanceof Error)) return null
  const { message } = error
  const code = errorCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return failed('disk_full', `a disk or a quota was full (${message}): make room; then it is deployed by itself`)
  if (code === 'EIO')
    return failed(
      'disk_failed',
      `a disk could not be read or written (${message}): look at the log of the kernel (dmesg)`,
    )
  if (isScarcity(error))
    return failed(
      'resources_short',
      `the machine was short of open files, processes or memory (${message}): raise LimitNOFILE, TasksMax or MemoryMax of the service, or free some`,
    )
  return null
}

export function failed(reason: string, message: string): DeploymentResult {
  return { outcome: 'failed', reason, message }
}
