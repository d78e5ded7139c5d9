import type { DeploymentResult } from '../model/deployment.ts'
import type { RunCommand } from './command.ts'
import { systemPath } from './environment.ts'
import { failed } from './outcome.ts'
import { cookieName } from './processes.ts'
import { stoppedIn, type Run } from './run.ts'

/**
 * Has the kernel write to the disk what a build has left in a directory, so that what is called live is whole after a
 * power cut, too: ext4 and XFS keep new content in memory for half a minute, and then have files of 0 bytes. By
 * syncfs(2), which costs one flush where an fsync of each file would cost thousands; Node has it not, coreutils has.
 * null: it is on the disk.
 */
export async function syncDisk(
  directory: string,
  { run, tools }: { readonly run: Run; readonly tools: { readonly run: RunCommand; readonly graceMs: number } },
): Promise<DeploymentResult | null> {
  let said = ''
  const result = await tools.run(
    {
      argv: ['sync', '-f', '--', directory],
      cwd: '/',
      env: { PATH: systemPath, LC_ALL: 'C', [cookieName]: run.cookie },
    },
    {
      signal: run.signal,
      timeoutMs: null,
      graceMs: tools.graceMs,
      onOutput: (chunk) => {
        said = `${said}${chunk.toString()}`.slice(0, 500)
      },
    },
  )
  switch (result.kind) {
    case 'exited':
      return result.exitCode === 0 ? null : notSynced(said.trim())
    case 'signalled':
      return notSynced(`sync was ended by ${result.signal}`)
    case 'stopped':
      return stoppedIn('the sync of the disk', run)
    case 'not_started':
      return notSynced(result.message, 'it is part of coreutils')
  }

  function notSynced(why: string, cure = 'look at the log of the kernel (dmesg), and deploy again'): DeploymentResult {
    return failed('disk_failed', `what was built in ${directory} could not be written to its disk (${why}): ${cure}`)
  }
}
