import { z } from 'zod'
import { commandSchema } from './step-schema.ts'
import { durationText, named, secretSource, text, wholeNumber } from './schema-parts.ts'
import {
  headerNameProblem,
  headerValueProblem,
  probeUrlProblem,
  statusProblem,
  tcpProblem,
  unitProblem,
} from './text-rules.ts'

export type WrittenHealthCheck = z.output<typeof healthCheckSchema>

/** One check of an app's health. That it is of exactly one kind is a rule (`rules/health.ts`). */
export const healthCheckSchema = z
  .strictObject({
    http: text(probeUrlProblem).optional().describe('URL that must answer; {port} stands for the port of the preview.'),
    tcp: text(tcpProblem).optional().describe('HOST:PORT that must accept a connection.'),
    command: commandSchema.optional().describe('Command that must end with 0.'),
    systemd_unit: text(unitProblem).optional().describe('Unit of systemd that must be active.'),
    status: z
      .union([wholeNumber({ atLeast: 100, atMost: 599 }), text(statusProblem)])
      .optional()
      .describe('Of http: a status or a range. Default 200-299.'),
    contains: text((wanted) => (wanted === '' ? 'is empty: give a text, or take the key out' : null))
      .optional()
      .describe('Of http: a text that the first 64 KiB of the body must hold.'),
    headers: named(text(headerNameProblem), z.union([text(headerValueProblem), secretSource]))
      .optional()
      .describe('Of http: headers to send; secrets as in env.'),
    follow_redirects: z.boolean().optional().describe('Of http: judge where a redirect leads to. Default false.'),
    timeout: durationText.optional().describe('For one try. Default 5s.'),
    interval: durationText.optional().describe('Between two tries. Default 1s.'),
    retries: wholeNumber({ atLeast: 0, atMost: 1000 })
      .optional()
      .describe('How often it may fail at first, while the app starts. Default 30.'),
    preview: z.boolean().optional().describe('Ask the preview, before the switch. Default false.'),
  })
  .meta({ id: 'health_check' })
