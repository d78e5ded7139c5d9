import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StepCommand } from '../model/deploy-map.ts'
import type { Command } from './command.ts'

/** How a step is started; `remove` takes away what was made for it. */
export type PreparedStep = { readonly argv: Command['argv']; readonly remove: () => Promise<void> }

/**
 * A list is run as it is. A text goes to its shell by way of a file (0700) `name` in `directory` (made 0700 when
 * needed), because arguments are for everyone on the machine to read in `ps`.
 */
export async function prepareStep(
  command: StepCommand,
  { directory, name }: { readonly directory: string; readonly name: string },
): Promise<PreparedStep> {
  if (command.kind === 'argv') return { argv: command.argv, remove: () => Promise.resolve() }
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, name)
  await rm(file, { force: true })
  await writeFile(file, `${command.text}\n`, { mode: 0o700, flag: 'wx' })
  return { argv: [...shells[command.shell], file], remove: () => rm(file, { force: true }) }
}

/** Every line of a script must succeed and every variable be set, or the step fails. */
const shells = {
  sh: ['/bin/sh', '-eu'],
  bash: ['bash', '-euo', 'pipefail'],
} as const satisfies Record<'sh' | 'bash', readonly [string, ...string[]]>
