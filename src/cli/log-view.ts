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
    if (event.kind === 'line')
      return terminal.print(
        logLine({ at: event.at, isOwn: event.step === null && event.at !== '', text: event.text }, paint),
      )
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
export function logLine({ at, isOwn, text }: LogLine, paint: Terminal['paint']): string {
  const time = paint.dim(/T(\d\d:\d\d:\d\d)/.exec(at)?.[1] ?? ' '.repeat('00:00:00'.length))
  const lines = harmless(text).split('\n')
  return lines.map((line) => (isOwn ? `${time} ${paint.cyan(`» ${line}`)}` : `${time}   ${line}`)).join('\n')
}

/** `isOwn`: said by the daemon itself. */
export type LogLine = { readonly at: string; readonly isOwn: boolean; readonly text: string }

/** A line of the log as it is kept: `<ISO time> <number of the step, or - for the daemon> <text>`. */
export function parseKeptLine(line: string): LogLine {
  const [, at, step, text] = /^(\d{4}-\S+Z) (\d+|-) (.*)$/s.exec(line) ?? []
  if (at === undefined || text === undefined) return { at: '', isOwn: false, text: line }
  return { at, isOwn: step === '-', text }
}
