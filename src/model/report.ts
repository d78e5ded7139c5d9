import type { Deployment, Outcome } from './deployment.ts'

/**
 * What can be told of a deployment that is done: how it ended, or that the app is well again, which is told instead of
 * `succeeded` after a bad end.
 */
export const reportKinds = [
  ...(['failed', 'timed_out', 'interrupted', 'rolled_back', 'recovered'] as const),
  ...(['succeeded', 'cancelled', 'skipped', 'superseded'] as const),
] as const
export type ReportKind = (typeof reportKinds)[number]

/** One entry of an app's `notify`: which reporter is told, and of what. */
export type Notify = { readonly reporter: string; readonly on: readonly ReportKind[] }

/** Unless deploy.yml says otherwise. */
export const usualKinds: readonly ReportKind[] = ['failed', 'recovered']

/** One thing told by one reporter about one deployment; sent at least once, and each time with the same `id`. */
export type Report = {
  /** Unique in the world. */
  readonly id: string
  readonly kind: ReportKind
  /** A sentence for people, of one line. */
  readonly message: string
  /** Where more is to be seen; null: deploy.yml has no public_url. */
  readonly url: string | null
  readonly deployment: Deployment
}

/** How a report stands: tried until it is `sent`, or given up as `dead`. */
export type ReportRecord = {
  readonly id: number
  readonly deployment: number
  readonly reporter: string
  readonly kind: ReportKind
  readonly state: 'pending' | 'sent' | 'dead'
  readonly attempts: number
  readonly madeAt: Date
  /** null: no more. */
  readonly nextAttemptAt: Date | null
  readonly sentAt: Date | null
  /** What went wrong last. */
  readonly error: string | null
}

/**
 * Which reports a deployment makes that ended as `outcome`: at most one for each reporter. `previous` is how the app's
 * last deployment ended that was neither cancelled, skipped nor superseded; null: there was none.
 * `failed` stands for every bad end, so that nobody who asks for it misses one.
 */
export function reportsOf(
  outcome: Outcome,
  { previous, notify }: { readonly previous: Outcome | null; readonly notify: readonly Notify[] },
): readonly { readonly reporter: string; readonly kind: ReportKind }[] {
  const kind = kindOfEnd(outcome, previous)
  const names = new Set(notify.filter(({ on }) => wants(on, kind)).map(({ reporter }) => reporter))
  return [...names].map((reporter) => ({ reporter, kind }))
}

function kindOfEnd(outcome: Outcome, previous: Outcome | null): ReportKind {
  return outcome === 'succeeded' && previous !== null && badEnds.has(previous) ? 'recovered' : outcome
}

function wants(on: readonly ReportKind[], kind: ReportKind): boolean {
  if (on.includes(kind)) return true
  if (kind === 'recovered') return on.includes('succeeded')
  return badEnds.has(kind) && on.includes('failed')
}

/** Ends that say something about the app, and not only about the queue. */
export const tellingEnds = ['succeeded', 'failed', 'timed_out', 'interrupted', 'rolled_back'] satisfies Outcome[]

const badEnds: ReadonlySet<Outcome | 'recovered'> = new Set(['failed', 'timed_out', 'interrupted', 'rolled_back'])

/** A report as a reporter gets it. */
export function createReport(
  { kind, madeAt, ...record }: Pick<ReportRecord, 'id' | 'kind' | 'madeAt'>,
  { databaseId, deployment, publicUrl }: { databaseId: string; deployment: Deployment; publicUrl: string | null },
): Report {
  const url = publicUrl === null ? null : `${publicUrl}/api/deployments/${deployment.id}`
  // A database restored from a backup numbers its next reports as it did before; receivers drop an id they have seen.
  const id = `${databaseId}-${record.id}-${madeAt.getTime()}`
  return { id, kind, message: sentence(kind, deployment), url, deployment }
}

function sentence(kind: ReportKind, { app, id, revision, message, reason }: Deployment): string {
  const what = `${app}: deployment ${id}${revision === null ? '' : ` of ${revision.slice(0, 12)}`} ${words[kind]}`
  const why = kind === 'succeeded' || kind === 'recovered' ? null : (message ?? reason)
  return oneLine(why === null ? what : `${what}: ${why}`)
}

const words: Readonly<Record<ReportKind, string>> = {
  failed: 'failed',
  timed_out: 'timed out',
  interrupted: 'was interrupted',
  rolled_back: 'was rolled back',
  recovered: 'succeeded; the app is well again',
  succeeded: 'succeeded',
  cancelled: 'was cancelled',
  skipped: 'was skipped',
  superseded: 'was superseded',
}

/** Without what would colour or move in a terminal, break a line, or end an environment value. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}

/** The body that is told to programs: docs/reports.md. Its `deployment` is the one of the API. */
export function reportBody({ id, kind, message, url, deployment }: Report): string {
  const { app, outcome, reason, ref, revision, steps } = deployment
  const view = { ...deployment, waitingFor: null, steps: steps.map((step) => ({ ...step, number: undefined })) }
  return JSON.stringify({ id, kind, message, app, outcome, reason, ref, revision, url, deployment: view })
}
