import type { Identity } from './identity.ts'
import type { Stop } from './runner.ts'
import type { Unit } from './unit.ts'

/** A command as data: an argument list, never a shell text. */
export type Command = {
  readonly argv: readonly [string, ...string[]]
  readonly cwd: string
  /**
   * The whole environment of the child, `DEPLOYHOOK_COOKIE` included. No two commands that run at the same time may
   * carry the same cookie: what one leaves behind is found by it.
   */
  readonly env: Readonly<Record<string, string>>
  /** What it reads from stdin; nothing unless given. */
  readonly input?: Buffer
  /** Whom it runs as; the daemon's own user unless given. */
  readonly user?: Identity
  /** What it runs in where a service manager runs it; the daemon's own children are in none. */
  readonly unit?: Unit
}

export type CommandOptions = {
  /** Aborted with a `Stop` as its reason. */
  readonly signal: AbortSignal
  /** null: no limit of its own. */
  readonly timeoutMs: number | null
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number
  /** What becomes of the processes that it leaves running when it ends with 0; `kill` unless given. */
  readonly background?: 'kill' | 'keep'
  /**
   * stdout and stderr in the order they were written; the next chunk comes when this resolves, in the same memory: what
   * is to be kept has to be copied.
   */
  readonly onOutput: (chunk: Buffer) => Promise<void> | void
  /** The daemon is ending: a command in a unit is left to go on, and `Detached` is thrown. */
  readonly leave?: AbortSignal
  /** What `onOutput` was given and has not let out yet goes from the daemon that leaves to the next. */
  readonly carry?: Carry
}

export type Carry = {
  putAside(): Promise<Buffer | null>
  takeUp(aside: Buffer): Promise<void>
}

/** The limits of a unit that were met; what it was like for the command is another matter. */
export type LimitsHit = {
  /** The kernel ended a process of it, because there was no memory left. */
  readonly memory: boolean
  /** It was refused a process or thread. */
  readonly tasks: boolean
}

/** How a command ended. `leftovers`: processes it left behind, which have been ended. */
export type CommandResult =
  | { readonly kind: 'exited'; readonly exitCode: number; readonly leftovers: number; readonly hit?: LimitsHit }
  | { readonly kind: 'signalled'; readonly signal: string; readonly leftovers: number; readonly hit?: LimitsHit }
  /** Ended by us: its own limit (`limit`), or the signal. */
  | { readonly kind: 'stopped'; readonly why: Stop | 'limit'; readonly leftovers: number }
  | { readonly kind: 'not_started'; readonly reason: NotStarted; readonly message: string }

export type NotStarted =
  | 'command_missing'
  | 'not_executable'
  | 'bad_format'
  | 'cwd_missing'
  | 'cwd_not_a_directory'
  | 'cwd_forbidden'
  | 'arguments_too_long'
  | 'nul_in_argument'
  | 'no_processes_left'
  | 'spawn_failed'

/** Runs a command to its end and leaves nothing of it behind but what is to be kept. See `exec.ts`. */
export type RunCommand = (command: Command, options: CommandOptions) => Promise<CommandResult>
