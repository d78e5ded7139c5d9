import type { HealthCheck, Probe } from '../../model/health-check.ts'
import type { RunCommand } from '../command.ts'
import type { Identity } from '../identity.ts'

/** What a single try has found. */
export type Answer = { readonly kind: 'well' } | Sick

export type Sick = {
  readonly kind: 'sick'
  /** What follows the label of the check in a sentence. Nothing that the other side has said is in it but its status. */
  readonly why: string
}

export const well: Answer = { kind: 'well' }

export function sick(why: string): Sick {
  return { kind: 'sick', why }
}

/** Tries a check once. `name` tells it apart from those tried at the same time. */
export type Ask = (
  check: HealthCheck,
  asking: { readonly name: string; readonly signal: AbortSignal },
) => Promise<Answer>

/** One way to look: asks once, within the time, and leaves nothing open. Throws only when the daemon itself is broken. */
export type AskProbe<K extends Probe['kind']> = (probe: ProbeOf<K>, asking: Asking) => Promise<Answer>

export type Asking = {
  readonly timeoutMs: number
  /** Ends it early; what it answers then counts for nothing. */
  readonly signal: AbortSignal
  /** Tells apart what runs at the same time, in cookies and names of files: `health-2`. */
  readonly name: string
  readonly tools: ProbeTools
}

/** What probes that run commands need. */
export type ProbeTools = {
  readonly run: RunCommand
  /** Of the deployment; what a check runs carries one of its own that begins with it. */
  readonly cookie: string
  /** Where commands run, every symlink resolved. */
  readonly cwd: string
  /** That of the app's steps. */
  readonly env: Readonly<Record<string, string>>
  /** Whom commands run as; null: the daemon's user. */
  readonly user: Identity | null
  /** Where scripts lie while they run. */
  readonly scripts: string
  /** What commands write, in memory that is used again. */
  readonly onOutput: (chunk: Buffer) => Promise<void> | void
  readonly systemd: Systemd
}

export type Systemd = {
  /** PATH in which systemctl is looked for. */
  readonly searchPath: string
  /** XDG_RUNTIME_DIR of the daemon's user, whose own units are asked for, too; null: system units alone. */
  readonly runtimeDirectory: string | null
}

/** In the form in which TypeScript sees that a row of the table takes the probe of its kind: microsoft/TypeScript#47109. */
export type ProbeOf<K extends Probe['kind']> = {
  [P in K]: { readonly kind: P } & Omit<Extract<Probe, { readonly kind: P }>, 'kind'>
}[K]
