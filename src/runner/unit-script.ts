import { shellQuoted } from '../lib/shell.ts'
import type { Command } from './command.ts'

/**
 * What a unit's first process reads from its stdin and does before it becomes the command. systemd has opened, as
 * itself, stdout (the pipe of the output) and stderr (a file for what is noted here), so that the unit's user needs to reach neither.
 *
 * Somebody holds the pipe open for reading and writing, whoever reads it: while no daemon is there, what is written waits in it, and then
 * the writer. It is no child of the command, which may wait for all it has.
 */
export function unitScript({ argv, cwd, env }: Command, { setsid, sleep }: UnitPrograms): string {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${shellQuoted(value)}`)
  return `main() {
( ${setsid} ${sleep} infinity </dev/null 2>/dev/null 1<>/proc/self/fd/1 & echo "holder $!" >&2 )
exec </dev/null
cd -- ${shellQuoted(cwd)} 2>/dev/null || exit 126
echo entered >&2
unset PWD OLDPWD SHLVL
${exports.join('\n')}
exec ${argv.map(shellQuoted).join(' ')} 2>&1
}
main
`
}

/** Absolute: the PATH is the command's. */
export type UnitPrograms = { readonly setsid: string; readonly sleep: string }

export type UnitNotes = {
  /** Who holds the pipe; null: not there yet. */
  readonly holder: number | null
  /** It was in its working directory, so that what came afterwards was the command's. */
  readonly hasEntered: boolean
}

export function parseUnitNotes(text: string): UnitNotes {
  const holder = /^holder (\d+)$/m.exec(text)?.[1]
  return { holder: holder === undefined ? null : Number(holder), hasEntered: /^entered$/m.test(text) }
}
