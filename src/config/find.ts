import { lstat } from 'node:fs/promises'
import { join } from 'node:path'

/** The deploy.yml to use when none is named: the one in `cwd`, else the system's; null when there is neither. */
export async function findDeployMap({
  cwd,
  system = '/etc/deployhook/deploy.yml',
}: {
  readonly cwd: string
  readonly system?: string
}): Promise<string | null> {
  for (const file of [join(cwd, 'deploy.yml'), system]) {
    // A link to nothing counts as there: loading it then says what is wrong.
    if ((await lstat(file).catch(() => null)) !== null) return file
  }
  return null
}
