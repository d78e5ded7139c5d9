import { InvalidArgumentError, Option, type Command } from 'commander'
import { exit } from './cli-error.ts'
import type { Client } from './client.ts'
import { findDaemon } from './connect.ts'
import type { CliIo } from './io.ts'
import { socketsToTry } from './locations.ts'
import type { Terminal } from './terminal.ts'

/** What every command is given. */
export type Cli = {
  readonly io: CliIo
  readonly terminal: Terminal
  /** Wraps what a command does, so that the number it resolves to becomes the exit code. */
  action<Given extends unknown[]>(run: (...given: Given) => Promise<number>): (...given: Given) => Promise<void>
}

/** Adds one command to the program. */
export type AddCommand = (program: Command, cli: Cli) => void

/** Options of a command that asks the daemon. */
export type DaemonOptions = { readonly socket?: string }

export function socketOption(): Option {
  return new Option('--socket <path>', "the daemon's control socket (also DEPLOYHOOK_SOCKET)")
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON, for programs')
}

/** Does `ask` with a client of the running daemon, and closes it. */
export async function withDaemon<Result>(
  { socket }: DaemonOptions,
  { cli, ask }: { readonly cli: Cli; readonly ask: (client: Client) => Promise<Result> },
): Promise<Result> {
  const { openClient } = await import('./client.ts') // with undici, which takes longer to load than all else
  const client = openClient(await findDaemon(socketsToTry(socket, cli.io)))
  try {
    return await ask(client)
  } finally {
    await client.close()
  }
}

/** What a text for people is made with. */
export type Looks = { readonly paint: Terminal['paint']; readonly now: Date }

/** Options of a command that only shows what the daemon answers. */
export type ShowOptions = DaemonOptions & { readonly json?: boolean }

/** Asks the daemon and shows what it answers: as `text` for people, or as it is for programs. */
export async function showAnswer<Answer>(
  options: ShowOptions,
  {
    cli,
    ask,
    text,
  }: {
    readonly cli: Cli
    readonly ask: (client: Client) => Promise<Answer>
    readonly text: (answer: Answer, looks: Looks) => string
  },
): Promise<number> {
  const answer = await withDaemon(options, { cli, ask })
  const { terminal, io } = cli
  if (options.json) await terminal.printJson(answer)
  else await terminal.print(text(answer, { paint: terminal.paint, now: io.clock.now() }))
  return exit.done
}

/** For commander: the id of a deployment or delivery. */
export function parseId(text: string): number {
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw new InvalidArgumentError('An id is a positive whole number.')
  return Number(text)
}

/** For commander: how many rows a listing shows. */
export function parseLimit(text: string): number {
  const limit = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > 500) throw new InvalidArgumentError('A limit is a whole number from 1 to 500.')
  return limit
}

/** The examples below a command's help. */
export function examples(...lines: readonly (readonly [command: string, meaning: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length))
  return `\nExamples:\n${lines.map(([command, meaning]) => `  ${command.padEnd(width)}  ${meaning}`).join('\n')}`
}
