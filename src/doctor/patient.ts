import type { App, DeployMap, Webhook } from '../model/deploy-map.ts'
import type { ListContext, Listed } from '../runner/workspace.ts'
import type { Ask } from './ask.ts'
import type { Found } from './finding.ts'

/** What the checks look at, and what they may do to find out. */
export type Patient = {
  /** The map in force; without a daemon the one of the file. null: there is none that could be. */
  readonly map: DeployMap | null
  /** deploy.yml as it is on the disk now. */
  readonly config: {
    readonly file: string
    readonly problems: readonly string[]
    readonly warnings: readonly string[]
  }
  /** Absolute. */
  readonly stateDirectory: string
  /** The control socket's path. */
  readonly socket: string
  /** Whom the checks run as: the daemon's user, or without a daemon whoever asks. */
  readonly user: { readonly uid: number; readonly name: string }
  /** null: none runs, so that what only it knows is left out. */
  readonly daemon: RunningDaemon | null
  /** Why there is none: what was tried, and what came of it. */
  readonly absence: Absence | null
  /** Where apps are reached from outside, by their names, as far as it was told. */
  readonly urls: ReadonlyMap<string, string>
  readonly versions: {
    readonly node: string
    /** The package brought it along, so that nothing else can exchange it. */
    readonly isNodeOurs: boolean
    readonly sqlite: string
    readonly git: () => Promise<string | null>
  }
  /** Where a distribution says what it has mended in its git. */
  readonly changelogs: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly now: () => Date
  readonly ask: Ask
  /** Runs a small program of the system. `exitCode` null: it could not be started, or took too long. */
  readonly program: (
    argv: readonly [string, ...string[]],
  ) => Promise<{ readonly exitCode: number | null; readonly output: string }>
  readonly listRefs: (app: App, context: Omit<ListContext, 'cookie'>) => Promise<Listed>
  /** What is wrong with the disks that these paths lie on, with its cure. */
  readonly diskProblems: (paths: readonly string[]) => Promise<readonly string[]>
  /** Nobody waits any longer. */
  readonly signal: AbortSignal
}

export type Absence = { readonly what: string; readonly cure: string }

/** What only the running daemon knows. */
export type RunningDaemon = {
  readonly pid: number
  /** As `/readyz` tells them. */
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
  /** From SIGTERM until what still runs is interrupted. */
  readonly shutdownGraceMs: number
  /** When each secret of a webhook last proved a delivery. */
  readonly secretUses: (webhook: Webhook) => Promise<readonly (Date | null)[]>
  /** How many requests to a webhook were refused. */
  readonly refusals: (webhook: string) => number
}

/** One thing to look at. Rejects only for a bug of ours: what is wrong around the daemon is a finding. */
export type Check = (patient: Patient) => Promise<readonly Found[]>
