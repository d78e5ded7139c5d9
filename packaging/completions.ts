import { spawnSync } from 'node:child_process'
import { shells, type InstallTree } from './install-tree.ts'

/** Wrong usage, says the program: it has no such command. */
const unknownCommand = 2

/** What the program to be packaged says itself. */
export function completionsOf(main: string): InstallTree['completions'] {
  const told = shells.flatMap((shell) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'completion', shell], { encoding: 'utf8' })
    if (status === unknownCommand) return []
    if (status !== 0) throw new Error(`deployhook completion ${shell} failed: ${stderr}`)
    return [[shell, stdout] as const]
  })
  return Object.fromEntries(told)
}
