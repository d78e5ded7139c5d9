import { z } from 'zod'
import { mapByAccident } from './map-by-accident.ts'
import { durationText, list, named, secretSource, text } from './schema-parts.ts'
import { commandProblem, cwdProblem, envNamePattern, envNameProblem } from './text-rules.ts'

export type WrittenStep = z.output<typeof stepSchema>
export type WrittenEnv = z.output<typeof envSchema>

/** Environment variables by name: text, or where a secret is found. */
export const envSchema = named(text(envNameProblem, { pattern: envNamePattern }), z.union([text(), secretSource])).meta(
  {
    id: 'environment',
  },
)

const argvSchema = list(text()).check(({ value, issues }) => {
  if (value[0] === '') issues.push({ code: 'custom', message: 'the first entry, the program, is empty', input: value })
})

/** A text for the shell, or a list of arguments. */
export const commandSchema = z.union([text(commandProblem), argvSchema]).meta({ id: 'command' })

const stepKeys = {
  name: text((name) => (name.trim() === '' || /[\r\n]/.test(name) ? 'must be one line of text' : null))
    .optional()
    .describe('Shown instead of the command.'),
  run: commandSchema.describe('A text for the shell, or a list of arguments that no shell sees.'),
  shell: z.enum(['sh', 'bash']).optional().describe('sh runs with -eu, bash with -euo pipefail. Default sh.'),
  timeout: durationText.optional().describe('Ends this step earlier than the deployment’s own limit.'),
  env: envSchema.optional().describe('On top of the app’s env.'),
  cwd: text(cwdProblem).optional().describe('Directory of the repository to run in. Default: its top.'),
  background: z
    .enum(['kill', 'keep'])
    .optional()
    .describe('What becomes of processes that the step leaves running when it succeeds. Default kill.'),
}

/** A command, or a map with more to say of it. */
export const stepSchema = z
  .union([text(commandProblem), argvSchema, z.strictObject(stepKeys)], {
    error: ({ input }) => mapByAccident(input, Object.keys(stepKeys)) ?? undefined,
  })
  .meta({ id: 'step' })
