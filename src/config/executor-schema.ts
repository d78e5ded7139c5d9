import { z } from 'zod'
import { sizePattern } from '../lib/size.ts'
import { list, text, wholeNumber } from './schema-parts.ts'
import { percentPattern, percentProblem, sandboxPathProblem, sizeProblem } from './text-rules.ts'

export const executorSchema = z.enum(['auto', 'systemd', 'process'])

export const limitsSchema = z.strictObject({
  memory: text(sizeProblem, { pattern: sizePattern })
    .optional()
    .describe('Of all processes of a step together, swap included: a step that needs more is ended (MemoryMax=).'),
  cpu: text(percentProblem, { pattern: percentPattern })
    .optional()
    .describe('Share of one core: 50%, or 200% for two cores (CPUQuota=).'),
  tasks: wholeNumber({ atLeast: 1, atMost: 1_000_000 })
    .optional()
    .describe('Processes and threads at the same time (TasksMax=).'),
})

const paths = list(text(sandboxPathProblem))

export const sandboxSchema = z.strictObject({
  protect_system: z
    .enum(['full', 'strict'])
    .optional()
    .describe(
      'full: /usr, /boot and /etc cannot be written to; strict: nothing can but path, the home of the steps, /tmp and read_write_paths.',
    ),
  protect_home: z
    .enum(['hidden', 'read-only'])
    .optional()
    .describe('/home, /root and /run/user: not to be seen, or not to be written to.'),
  read_write_paths: paths.optional().describe('What may be written to although protect_system says otherwise.'),
  read_only_paths: paths.optional().describe('What may not be written to.'),
  inaccessible_paths: paths.optional().describe('What is not to be seen.'),
  private_tmp: z.boolean().optional().describe('Each step has a /tmp and a /var/tmp of its own. Default false.'),
  private_devices: z.boolean().optional().describe('No devices but /dev/null and its like. Default false.'),
  private_network: z.boolean().optional().describe('No network but a loopback of its own. Default false.'),
  no_new_privileges: z.boolean().optional().describe('sudo and its like give nothing. Default false.'),
})

export type WrittenLimits = z.output<typeof limitsSchema>
export type WrittenSandbox = z.output<typeof sandboxSchema>
