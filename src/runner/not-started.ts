import { accessSync, constants, statSync, type Stats } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command, CommandResult, NotStarted } from './command.ts'
import { firstLine } from './program-format.ts'

/** Why the system did not start `command`, from the error's code and what stands on the disk. Never throws. */
export function notStarted(command: Command, code: string): CommandResult {
  const [reason, message] = cwdProblem(command) ?? resourceProblem(code) ?? fileProblem(command, code)
  return { kind: 'not_started', reason, message }
}

/** A NUL byte ends a C string: what stands after it would be lost, so nothing with one is started. */
export function nulProblem({ argv, cwd, env }: Command): CommandResult | null {
  const holds = (text: string) => text.includes('\0')
  if (!argv.some(holds) && !holds(cwd) && !Object.entries(env).some(([name, value]) => holds(name) || holds(value)))
    return null
  return {
    kind: 'not_started',
    reason: 'nul_in_argument',
    message:
      'an argument, the working directory or an environment variable holds a NUL byte, which no program can be given',
  }
}

type Problem = readonly [NotStarted, string]

/** What hinders whoever it is. */
export function cwdProblem({ cwd }: Command): Problem | null {
  const found = look(cwd)
  if (found === null) return ['cwd_missing', `the working directory ${cwd} is not there`]
  if (!found.isDirectory()) return ['cwd_not_a_directory', `the working directory ${cwd} is not a directory`]
  if (!allowed(cwd, constants.X_OK))
    return ['cwd_forbidden', `the working directory ${cwd} may not be entered by the daemon's user`]
  return null
}

function resourceProblem(code: string): Problem | null {
  switch (code) {
    case 'E2BIG':
      return [
        'arguments_too_long',
        'its arguments and environment are longer than the system allows (getconf ARG_MAX; 128 KiB for one of them)',
      ]
    case 'EAGAIN':
      return ['no_processes_left', 'the system allows no further process (ulimit -u, or TasksMax of the service)']
    case 'EMFILE':
    case 'ENFILE':
      return [
        'spawn_failed',
        `the system allows no further open file (${code}; ulimit -n, or LimitNOFILE of the service)`,
      ]
    case 'ENOMEM':
      return ['spawn_failed', 'there is no memory left for another process (ENOMEM)']
    default:
      return null
  }
}

function fileProblem(command: Command, code: string): Problem {
  const found = findProgram(command)
  if (found.path === null) return found.problem
  const { path } = found
  const interpreter = firstLine(path)
  if (interpreter !== null) return interpreterProblem(path, interpreter)
  if (code === 'ENOEXEC' || code === 'ENOENT') return ['bad_format', `${path} is not a program for this machine`]
  return ['spawn_failed', `${command.argv[0]} could not be started (${code})`]
}

/** The file that a command runs, or why there is none that anybody could run. */
export function findProgram({
  argv: [name],
  cwd,
  env,
}: Command): { readonly path: string } | { readonly path: null; readonly problem: Problem } {
  const path = locate(name, { cwd, searchPath: env['PATH'] ?? '' })
  const found = path === null ? null : look(path)
  if (path === null || found === null) return none('command_missing', missing(name, env['PATH']))
  if (found.isDirectory()) return none('not_executable', `${name} is a directory, not a command`)
  if (!found.isFile() || !allowed(path, constants.X_OK))
    return none('not_executable', `${path} is not executable: chmod +x it`)
  return { path }
}

function none(reason: NotStarted, message: string) {
  return { path: null, problem: [reason, message] as const }
}

/** Of a script that cannot be run although it may be. */
export function interpreterProblem(path: string, interpreter: string): Problem {
  if (interpreter.endsWith('\r')) {
    return [
      'bad_format',
      `${path} has Windows line endings: its first line asks for "${visible(interpreter)}"; save it with LF`,
    ]
  }
  return [
    'bad_format',
    `${path} cannot be run: the interpreter of its first line, "${visible(interpreter)}", is not there`,
  ]
}

function missing(name: string, searchPath: string | undefined): string {
  if (name.includes('/')) return `${name} is not there`
  return `there is no command ${JSON.stringify(name)} in PATH (${searchPath ?? 'not set'})`
}

/** Where the system would have looked: first executable in PATH, else the first of that name; see exec(3). */
export function locate(
  name: string,
  { cwd, searchPath }: { readonly cwd: string; readonly searchPath: string },
): string | null {
  if (name === '') return null
  if (name.includes('/')) return resolve(cwd, name)
  const candidates = searchPath.split(':').map((directory) => join(resolve(cwd, directory), name))
  const there = candidates.filter((path) => look(path) !== null)
  return there.find((path) => allowed(path, constants.X_OK)) ?? there[0] ?? null
}

function visible(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function look(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null
}

function allowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
