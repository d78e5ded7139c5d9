import { shellWord } from '../lib/shell.ts'
import type { App } from '../model/deploy-map.ts'
import { kindOfRef } from '../model/ref-filter.ts'
import { shortRef } from '../model/ref.ts'

/** The command that deploys this ref of the app, fit to be pasted into a shell: the name of a ref may hold anything. */
export function deployCommand({ name, branch }: Pick<App, 'name' | 'branch'>, ref: string | null): string {
  const command = `deployhook deploy ${name}`
  return branch !== null || ref === null ? command : `${command} --${kindOfRef(ref)}=${shellWord(shortRef(ref))}`
}
