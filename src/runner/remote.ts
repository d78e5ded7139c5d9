import type { Command, RunCommand } from './command.ts'
import type { Stop } from './runner.ts'

export type Asked =
  | { readonly kind: 'answered'; readonly exitCode: number; readonly output: string }
  | { readonly kind: 'stopped'; readonly why: Stop }
  /** Nothing was heard for the idle limit: given up. */
  | { readonly kind: 'silent'; readonly output: string }

/**
 * Runs a git command that reaches a remote: in a process group of its own, so that `git-remote-https` and ssh end with
 * it. It is given up when it says nothing for `idleMs` (`--progress` makes a healthy one talk); the whole deployment's
 * limit comes by the signal. Keeps the end of what it wrote, at most 32 KiB.
 */
export async function askRemote(
  run: RunCommand,
  command: Command,
  { signal, idleMs }: { readonly signal: AbortSignal; readonly idleMs: number },
): Promise<Asked> {
  const silence = new AbortController()
  const timer = setTimeout(() => {
    silence.abort('timed_out')
  }, idleMs)
  let output = Buffer.alloc(0)
  try {
    const result = await run(command, {
      signal: AbortSignal.any([signal, silence.signal]),
      timeoutMs: null,
      graceMs: 2000,
      onOutput: (chunk) => {
        timer.refresh()
        output = Buffer.concat([output, chunk]).subarray(-outputLimit)
      },
    })
    const text = output.toString('utf8')
    if (result.kind === 'exited') return { kind: 'answered', exitCode: result.exitCode, output: text }
    if (result.kind === 'not_started') return { kind: 'answered', exitCode: -1, output: notStarted(result) }
    if (result.kind === 'signalled')
      return { kind: 'answered', exitCode: -1, output: `${text}\ngit was ended by ${result.signal}` }
    if (result.why === 'limit' || !signal.aborted) return { kind: 'silent', output: text }
    return { kind: 'stopped', why: result.why }
  } finally {
    clearTimeout(timer)
  }
}

const outputLimit = 32 * 1024

function notStarted({ reason, message }: { readonly reason: string; readonly message: string }): string {
  return reason === 'command_missing' ? 'spawn git ENOENT' : message
}
