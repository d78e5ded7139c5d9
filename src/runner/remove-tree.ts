import { systemPath } from './environment.ts'
import { runQuietly } from './exec.ts'

/**
 * Removes what stands at a path, and never what a symbolic link in it leads to, also while somebody exchanges one thing for the
 * other: rm(1) goes by open directories, where Node's `fs.rm` goes by names. Rejects when something is left.
 */
export async function removeTree(path: string): Promise<void> {
  await runQuietly(['rm', '-rf', '--one-file-system', '--', path], {
    env: { PATH: systemPath },
    timeoutMs: longestRemovalMs,
  })
}

const longestRemovalMs = 3_600_000
