import { z } from 'zod'
import { Secret } from '../lib/secret.ts'
import { reportBody, type Report } from '../model/report.ts'
import type { Reporter, Told } from './reporter.ts'

const written = (secret: z.ZodType) =>
  z.strictObject({
    run: z
      .array(z.string())
      .min(1, 'is empty: add the program')
      .describe('command: the program and its arguments; no shell. It gets the report as JSON on stdin.'),
    env: z
      .record(
        z.string().regex(/^(?!DEPLOYHOOK_)[A-Za-z_][A-Za-z0-9_]*$/i, 'is no name for a variable of your own'),
        z.union([z.string(), secret], { error: 'must be text or { file: PATH }' }),
      )
      .optional()
      .describe('command: what it sees besides a small clean environment and the DEPLOYHOOK_* variables.'),
  })

const used = written(z.instanceof(Secret)).extend({
  run: z.tuple([z.string()], z.string()),
  env: z
    .record(z.string(), z.union([z.string(), z.instanceof(Secret).transform((secret) => secret.reveal())]))
    .optional(),
})

/** Runs a program of this machine with the report on its stdin: for mail, a pager, or whatever else has a command line. */
export const command: Reporter = {
  options: written,

  check(options) {
    const [program] = used.parse(options).run
    return program.trim() === '' ? { key: 'run', problem: 'the first entry, the program, is empty' } : null
  },

  async tell(report, { options, signal, run, timeoutMs = 30_000 }) {
    const { run: argv, env = {} } = used.parse(options)
    const output = createTail()
    const end = await run({
      argv,
      env: { ...env, ...variablesOf(report) },
      input: Buffer.from(reportBody(report)),
      id: report.id,
      timeoutMs,
      signal,
      onOutput: output.push,
    })
    if (end.kind === 'exited' && end.exitCode === 0) return { kind: 'told' }
    const how = end.kind === 'exited' ? `ended with exit code ${end.exitCode}` : end.how
    const last = output.lastLine()
    return failed(`${argv[0]} ${how}${last === '' ? '' : `: ${last}`}`)
  },
}

function failed(problem: string): Told {
  return { kind: 'failed', problem, retryAfterMs: null, isPermanent: false }
}

function variablesOf({ id, kind, message, url, deployment }: Report): Record<string, string> {
  const { app, id: number, ref, revision, outcome, reason } = deployment
  return {
    DEPLOYHOOK_REPORT: id,
    DEPLOYHOOK_KIND: kind,
    DEPLOYHOOK_MESSAGE: message,
    DEPLOYHOOK_APP: app,
    DEPLOYHOOK_DEPLOYMENT: String(number),
    DEPLOYHOOK_OUTCOME: outcome ?? '',
    DEPLOYHOOK_REASON: reason ?? '',
    DEPLOYHOOK_REF: ref,
    DEPLOYHOOK_REVISION: revision ?? '',
    DEPLOYHOOK_URL: url ?? '',
  }
}

/** Keeps the end of what is written, for its last line: whole or not at all, so that masking finds each secret in it. */
function createTail(): { readonly push: (chunk: Buffer) => void; readonly lastLine: () => string } {
  let tail: Buffer = Buffer.alloc(0)
  let isCut = false
  return {
    push(chunk) {
      isCut ||= tail.length + chunk.length > tailBytes
      // Copied: the chunk's memory is used again.
      tail = Buffer.concat([tail, chunk.subarray(-tailBytes)]).subarray(-tailBytes)
    },
    lastLine() {
      const lines = tail
        .toString('utf8')
        .split(/[\r\n]+/)
        .slice(isCut ? 1 : 0)
      return lines.findLast((line) => line.trim() !== '')?.trim() ?? ''
    },
  }
}

const tailBytes = 4_096
