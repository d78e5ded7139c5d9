import { shellWord } from '../lib/shell.ts'
import type { App } from '../model/deploy-map.ts'
import type { Deployment } from '../model/deployment.ts'
import { kindOfRef } from '../model/ref-filter.ts'
import { shortRef } from '../model/ref.ts'

/** The command that deploys this ref of the app, fit to be pasted into a shell: the name of a ref may hold anything. */
export function deployCommand({ name, branch }: Pick<App, 'name' | 'branch'>, ref: string | null): string {
  const command = `deployhook deploy ${name}`
  return branch !== null || ref === null ? command : `${command} --${kindOfRef(ref)}=${shellWord(shortRef(ref))}`
}

/** The command that does once more what this deployment was to do: a retry would deploy the newest. */
export function tryAgain({ id, app, trigger, exact, release, requestedRevision }: Deployment): string {
  if (trigger === 'rollback') return `deployhook rollback ${app} --to ${release ?? requestedRevision ?? 'RELEASE'}`
  if (exact && requestedRevision !== null) return `deployhook deploy ${app} --revision ${requestedRevision}`
  return `deployhook retry ${id}`
}
