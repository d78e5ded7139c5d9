/** Runs a program without a shell; at the limit or the signal it is ended, with all that it started. */
export type RunReportCommand = (command: ReportCommand) => Promise<ReportCommandEnd>

export type ReportCommand = {
  readonly argv: readonly [string, ...string[]]
  /** On top of a small clean environment. */
  readonly env: Readonly<Record<string, string>>
  readonly input: Buffer
  /** No two that run at the same time have the same. */
  readonly id: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly onOutput: (chunk: Buffer) => void
}

export type ReportCommandEnd =
  /** `how` ends the sentence that begins with the program: `was ended by SIGSEGV`. */
  { readonly kind: 'exited'; readonly exitCode: number } | { readonly kind: 'other'; readonly how: string }
