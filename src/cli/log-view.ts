import type { LogEvent } from './api.ts'
import type { Cli } from './command.ts'
import { naming, standing } from './show-deployment.ts'
import type { Terminal } from './terminal.ts'
import { harmless } from './text.ts'

/** Prints a followed log for people: what the daemon notes, what the steps print, and each change of state once. */
export function createLogView({ terminal }: Cli): (event: LogEvent) => Promise<void> {
  const { paint } = terminal
  let shown = ''
  return async (event) => {
    if (event.kind === 'end') return
    if (event.kind === 'line') return terminal.print(logLine(event, paint))
    const { id, state, waitingFor, attempts } = event.deployment
    const now = JSON.stringify([id, state, waitingFor, attempts])
    if (now === shown || state === 'done') return
    shown = now
    await terminal.print(`${paint.dim(`${naming(event.deployment)}:`)} ${standing(event.deployment, paint)}`)
  }
}

/**
 * One line of a log. What the daemon says starts with `»`, what a step prints is set in, and a progress bar's carriage
 * returns become lines that are set in as well: no output can pass for the daemon's own words.
 */
export function logLine(
  { at, step, text }: { readonly at: string; readonly step: number | null; readonly text: string },
  paint: Terminal['paint'],
): string {
  const time = paint.dim(/T(\d\d:\d\d:\d\d)/.exec(at)?.[1] ?? '')
  const lines = harmless(text).split('\n')
  return lines.map((line) => (step === null ? `${time} ${paint.cyan(`» ${line}`)}` : `${time}   ${line}`)).join('\n')
}
