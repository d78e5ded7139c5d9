import type { lookup } from 'node:dns'
import type { z } from 'zod'
import type { Report } from '../model/report.ts'

/**
 * A way to tell people or programs how a deployment ended. It gets a finished report, and sees neither the map nor the
 * store. That an attempt fails is a value, and says nothing about the deployment.
 */
export type Reporter = {
  /**
   * Its own keys of an entry in deploy.yml. `secret` is the form of whatever stands for a secret: as written, a place
   * that names one; as used, the secret itself.
   */
  options(secret: z.ZodType): z.ZodObject

  /** What is wrong with its options, as used, beyond their form: a key and a sentence with the cure; null: nothing. */
  check(options: unknown): OptionProblem | null

  /** One attempt, which is over soon after the signal or its own limit. */
  tell(report: Report, context: ReporterContext): Promise<Told>
}

export type OptionProblem = { readonly key: string; readonly problem: string }

/** Its options as used, and what it may use of the world outside. */
export type ReporterContext = {
  readonly options: unknown
  readonly signal: AbortSignal
  readonly now: () => Date
  readonly lookup: typeof lookup
  readonly run: RunReportCommand
  /** For tests: limits of the attempt. */
  readonly timeoutMs?: number
}

/** How an attempt went. `problem` quotes nothing that a receiver said. */
export type Told =
  | { readonly kind: 'told' }
  | {
      readonly kind: 'failed'
      readonly problem: string
      /** How long the receiver asks us to wait; null: it does not say. */
      readonly retryAfterMs: number | null
      /** No further attempt will do. */
      readonly isPermanent: boolean
    }

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
