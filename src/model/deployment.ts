import type { Revision } from './revision.ts'

/** What asked for a deployment. Readers accept new values. */
export type Trigger = 'push' | 'catch-up' | 'replay' | 'manual' | 'retry' | 'rollback'

export const states = ['queued', 'running', 'done'] as const
export type State = (typeof states)[number]

export const outcomes = [
  ...(['succeeded', 'failed', 'timed_out', 'cancelled'] as const),
  ...(['interrupted', 'superseded', 'skipped', 'rolled_back'] as const),
] as const
export type Outcome = (typeof outcomes)[number]

/** What a queued deployment waits for: another that goes first, a free slot of `server.max_running`, or a `Gate`. */
export type WaitingFor = 'turn' | 'slot' | 'approval' | 'freeze' | 'window' | 'hold' | 'retry'

/** One execution: deploy this revision of that app. */
export type Deployment = {
  readonly id: number
  readonly app: string
  /** The commit the push named; null when the tip was asked for. */
  readonly requestedRevision: Revision | null
  /** The commit that was deployed; null until the fetch has named it. */
  readonly revision: Revision | null
  readonly ref: string
  readonly trigger: Trigger
  readonly state: State
  /** Only when done. */
  readonly outcome: Outcome | null
  /** A code: `step_failed`, `already_live`, `auth`, … */
  readonly reason: string | null
  /** A sentence for people. */
  readonly message: string | null
  readonly supersededBy: number | null
  /** The delivery that made it, if one did. */
  readonly delivery: number | null
  /** How often it was started. */
  readonly attempts: number
  readonly queuedAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly release: string | null
  /** Asked for with `--adopt`: a directory with other files may be taken over, this once. */
  readonly adopt: boolean
  /** `requestedRevision` is deployed, not what the ref leads to when it starts. */
  readonly exact: boolean
  /** Asked for with `--force`: neither a freeze nor the quarantine keeps it back. */
  readonly forced: boolean
  readonly approvedAt: Date | null
  readonly approvedBy: string | null
  /** Who asked, where a person did and it is known. */
  readonly askedBy: string | null
  /** Their reason, in their words. */
  readonly note: string | null
  readonly steps: readonly StepRecord[]
}

/** One command of one attempt, as it went. */
export type StepRecord = {
  /** Counted from 1 within the attempt. */
  readonly number: number
  readonly phase: Phase
  readonly name: string
  readonly attempt: number
  readonly exitCode: number | null
  readonly signal: string | null
  readonly startedAt: Date
  readonly finishedAt: Date | null
}

/** What a command of a deployment is for; `rollback`: part of the way back after a failure. */
export type Phase = 'build' | 'before_switch' | 'preview' | 'activate' | 'health' | 'after' | 'rollback'

/** How a deployment ended, before it is written down. */
export type DeploymentResult = {
  readonly outcome: Outcome
  readonly reason: string | null
  readonly message: string | null
}

/** Automatic triggers give way to a person's; see `queue.ts`. */
export type Kind = 'automatic' | 'person'

export function kindOf(trigger: Trigger): Kind {
  return trigger === 'manual' || trigger === 'retry' || trigger === 'rollback' ? 'person' : 'automatic'
}
