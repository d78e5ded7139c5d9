import { existsSync } from 'node:fs'
import type { Command, CommandResult } from './command.ts'
import { notStartedAs } from './not-started-as.ts'
import { cwdProblem, findProgram, interpreterProblem } from './not-started.ts'
import { firstLine } from './program-format.ts'

/** Why a shell that was to become the command has ended as one does that cannot; null: it was the command that ended so. */
export async function becomingProblem(
  command: Command,
  { exitCode, hasEntered }: { readonly exitCode: number; readonly hasEntered: boolean },
): Promise<CommandResult | null> {
  if (exitCode !== 126 && exitCode !== 127) return null
  const { user } = command
  if (!hasEntered) return { kind: 'not_started', ...notEntered(command) }
  return user === undefined ? notBecome(command) : notStartedAs(user, command)
}

/** As `notEntered` of a command of the daemon's own children. */
export function notEntered(command: Command) {
  const { cwd, user } = command
  const name = user?.name ?? "the daemon's user"
  const [reason, message] = cwdProblem(command) ?? [
    'cwd_forbidden',
    `the working directory ${cwd} may not be entered by ${name}: see \`namei -l ${cwd}\`, each part needs x for ${name}`,
  ]
  return { reason, message }
}

function notBecome(command: Command): CommandResult | null {
  const found = findProgram(command)
  if (found.path === null) {
    const [reason, message] = found.problem
    return { kind: 'not_started', reason, message }
  }
  const interpreter = firstLine(found.path)
  if (interpreter === null || existsSync(interpreter.split(/[ \t]/)[0] ?? '')) return null
  const [reason, message] = interpreterProblem(found.path, interpreter)
  return { kind: 'not_started', reason, message }
}
