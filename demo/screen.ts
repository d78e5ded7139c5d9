import { createColors } from 'picocolors'

const colors = createColors(process.stdout.isTTY && process.env['NO_COLOR'] === undefined)
const begun = performance.now()

/** What a person sees of the demo; every line carries the seconds since its start. */
export const screen = {
  title(text: string): void {
    process.stdout.write(`\n${clock()} ${colors.bold(text)}\n`)
  },
  line(text: string): void {
    process.stdout.write(`${clock()}   ${text}\n`)
  },
  output(step: string | null, text: string): void {
    process.stdout.write(
      `${clock()}   ${step === null ? colors.dim(`· ${text}`) : `${colors.cyan(step)} ${colors.dim('|')} ${text}`}\n`,
    )
  },
  state(text: string): void {
    process.stdout.write(`${clock()}   ${colors.yellow(text)}\n`)
  },
  good(text: string): void {
    process.stdout.write(`${clock()}   ${colors.green('✓')} ${text}\n`)
  },
  bad(text: string): void {
    process.stderr.write(`${clock()}   ${colors.red('✗')} ${text}\n`)
  },
  plain(text: string): void {
    process.stdout.write(`${text}\n`)
  },
}

function clock(): string {
  return colors.dim(`${((performance.now() - begun) / 1000).toFixed(2).padStart(6)}s`)
}
