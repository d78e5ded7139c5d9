import { opendir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../lib/error-code.ts'

/** How much of the logs is kept. */
export type LogBounds = { readonly logsBefore: Date; readonly maxLogBytes: number }

export type PruneLogs = {
  readonly directory: string
  /** Whether that deployment is known. */
  readonly isKnown: (deployment: number) => boolean
  /** Whether its log must stay, however old it is. */
  readonly isNeeded: (deployment: number) => boolean
}

/**
 * Removes the log files that are too old, the oldest while all of them are too large, and those of deployments that are
 * forgotten; answers how many. Who reads one at that moment reads it to its end: Linux keeps an open file.
 */
export async function pruneLogs(
  { logsBefore, maxLogBytes }: LogBounds,
  { directory, isKnown, isNeeded }: PruneLogs,
): Promise<number> {
  const files = await logsIn(directory)
  let total = files.reduce((sum, { size }) => sum + size, 0)
  let removed = 0
  for (const { deployment, path, size, modifiedAt } of files) {
    const isTooMuch = modifiedAt < logsBefore || total > maxLogBytes
    if ((isKnown(deployment) && !isTooMuch) || isNeeded(deployment)) continue
    await rm(path, { force: true })
    total -= size
    removed++
  }
  return removed
}

type LogFile = {
  readonly deployment: number
  readonly path: string
  readonly size: number
  readonly modifiedAt: Date
}

/** Oldest first. */
async function logsIn(directory: string): Promise<readonly LogFile[]> {
  const found: LogFile[] = []
  try {
    for await (const { name } of await opendir(directory)) {
      const deployment = Number(/^(\d+)\.log$/.exec(name)?.[1] ?? NaN)
      if (Number.isNaN(deployment)) continue
      const path = join(directory, name)
      const { size, mtime: modifiedAt } = await stat(path)
      found.push({ deployment, path, size, modifiedAt })
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
  return found.sort((one, other) => one.deployment - other.deployment)
}
