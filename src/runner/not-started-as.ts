import { existsSync } from 'node:fs'
import type { Command, CommandResult } from './command.ts'
import type { Identity } from './identity.ts'
import { headAs } from './look-as.ts'
import { findProgram, interpreterProblem } from './not-started.ts'
import { firstLine, formatProblem } from './program-format.ts'

/** Why a command of another user, which ended as a shell does that cannot become it, was not started; null: it was. */
export async function notStartedAs(user: Identity, command: Command): Promise<CommandResult | null> {
  const found = findProgram(command)
  if (found.path === null) return result(found.problem)
  const { path } = found
  const head = await headAs(user, path)
  if (head === 'forbidden') return result(['not_executable', `${path} may not be run by ${user.name}`])
  const format = head.includes(0) ? formatProblem(path, head) : null
  if (format !== null) return result(['bad_format', format])
  const interpreter = firstLine(path, head)
  if (interpreter === null || existsSync(interpreter.split(/[ \t]/)[0] ?? '')) return null
  return result(interpreterProblem(path, interpreter))
}

function result([reason, message]: ReturnType<typeof interpreterProblem>): CommandResult {
  return { kind: 'not_started', reason, message }
}
