import type { lookup } from 'node:dns'
import type { z } from 'zod'
import type { Report } from '../model/report.ts'
import type { RunReportCommand } from '../model/report-command.ts'

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
