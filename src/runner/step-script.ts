import { chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StepCommand } from '../model/deploy-map.ts'
import { openHandover } from './handover.ts'
import type { Command } from './command.ts'
import type { Identity } from './identity.ts'

/** How a step is started; `remove` takes away what was made for it. */
export type PreparedStep = { readonly argv: Command['argv']; readonly remove: () => Promise<void> }

/**
 * A list is run as it is. A text goes to its shell by way of a file (0700) `name` in `directory` (made 0700 when
 * needed), or one that `user` alone can read where `user` can reach it, because arguments are for everyone on the machine to read in `ps`.
 */
export async function prepareStep(
  command: StepCommand,
  { directory, name, user }: { readonly directory: string; readonly name: string; readonly user: Identity | null },
): Promise<PreparedStep> {
  const prepared = preparedStep(command, { directory, name, user })
  if (command.kind === 'argv') return prepared
  const file = join(user?.handover ?? directory, name)
  await (user === null ? mkdir(directory, { recursive: true, mode: 0o700 }) : openHandover(user.handover))
  await rm(file, { force: true })
  await writeFile(file, `${command.text}\n`, { mode: user === null ? 0o700 : 0o500, flag: 'wx' })
  if (user !== null) await chown(file, user.uid, user.gid)
  return prepared
}

/** The same when an earlier daemon has prepared it. */
export function preparedStep(
  command: StepCommand,
  { directory, name, user }: { readonly directory: string; readonly name: string; readonly user: Identity | null },
): PreparedStep {
  if (command.kind === 'argv') return { argv: command.argv, remove: () => Promise.resolve() }
  const file = join(user?.handover ?? directory, name)
  return { argv: [...shells[command.shell], file], remove: () => rm(file, { force: true }) }
}

/** Every line of a script must succeed and every variable be set, or the step fails. */
const shells = {
  sh: ['/bin/sh', '-eu'],
  bash: ['bash', '-euo', 'pipefail'],
} as const satisfies Record<'sh' | 'bash', readonly [string, ...string[]]>
