import picocolors from 'picocolors'
import type { CliIo, Output } from './io.ts'
import { harmlessJson } from './text.ts'

type Colours = ReturnType<typeof picocolors.createColors>

/** What commands say, and how. Text handed to it is harmless already: see `text.ts`. */
export type Terminal = {
  /** For stdout; colours only where a person looks. */
  readonly paint: Colours
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean
  /** A line on stdout. */
  readonly print: (text: string) => Promise<void>
  /** A value as JSON on stdout. */
  readonly printJson: (value: unknown) => Promise<void>
  /** Bytes on stdout, as they are. */
  readonly write: (chunk: Uint8Array | string) => Promise<void>
  /** A line on stderr. */
  readonly warn: (text: string) => Promise<void>
}

/** The two streams of `io`. Colours by https://no-color.org: none when NO_COLOR holds anything, or not on a terminal. */
export function createTerminal({ env, stdout, stderr }: Pick<CliIo, 'env' | 'stdout' | 'stderr'>): Terminal {
  return {
    paint: picocolors.createColors(hasColours(stdout, env)),
    isTerminal: stdout.isTTY === true,
    print: (text) => written(stdout, `${text}\n`),
    printJson: (value) => written(stdout, `${harmlessJson(value)}\n`),
    write: (chunk) => written(stdout, chunk),
    warn: (text) => written(stderr, `${text}\n`),
  }
}

/** Whether colours may go to `output`. */
export function hasColours(output: Output, env: CliIo['env']): boolean {
  const refused = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== ''
  return output.isTTY === true && !refused && env['TERM'] !== 'dumb'
}

/** Resolves when the next chunk may come, so that a slow reader slows the command instead of filling its memory. */
function written(output: Output, text: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    output.write(text, () => {
      resolve()
    })
  })
}
