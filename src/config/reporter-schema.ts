import { z } from 'zod'
import { reportKinds } from '../model/report.ts'
import type { Reporter } from '../reporters/index.ts'
import { extended, list, nameText, secretSource } from './schema-parts.ts'

/** The kinds of reporter there are, by name. */
export type ReporterTable = Readonly<Record<string, Reporter>>

export type WrittenReporter = z.output<ReturnType<typeof reporterSchema>>

/** The options of every kind; which of them fit is a rule (`rules/reporters.ts`). */
export function reporterSchema(reporters: ReporterTable) {
  return extended(
    z.strictObject({
      kind: z
        .enum(Object.keys(reporters))
        .optional()
        .describe('How it tells. May be left out when the reporter is called like it.'),
    }),
    Object.values(reporters).map((reporter) => reporter.options(secretSource)),
  )
}

/** Of an app: a reporter by its name, told of the usual, or with what it is told of. */
export const notifySchema = z.array(
  z.union([
    nameText,
    z.strictObject({
      reporter: nameText.describe('One of reporters.'),
      on: list(z.enum(reportKinds))
        .optional()
        .describe('failed stands for every bad end. Default: failed and recovered.'),
    }),
  ]),
)
