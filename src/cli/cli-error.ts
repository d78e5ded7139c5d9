/** Exit codes of every command (DESIGN §6). `interrupted` is the shell's own code for Ctrl-C. */
export const exit = { done: 0, failed: 1, usage: 2, notReachable: 3, cannotStart: 78, interrupted: 130 } as const

/** Ends a command with a message on stderr (with the cure) and an exit code. */
export class CliError extends Error {
  readonly exitCode: number

  constructor(message: string, { exitCode, cause }: { readonly exitCode: number; readonly cause?: unknown }) {
    super(message, { cause })
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}
