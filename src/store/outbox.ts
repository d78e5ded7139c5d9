import type { ReportRecord } from '../model/report.ts'

/** What is to be told outside. A report is made by whatever ends its deployment, in the same transaction. */
export type Outbox = {
  /** The pending reports whose time has come, or never should have been so far off, oldest first, at most `atMost` of each reporter. */
  dueReports(request: { readonly at: Date; readonly atMost: number }): Promise<readonly ReportRecord[]>
  /** When the next pending one after `at` is due; null: there is none. */
  nextReportAt(at: Date): Promise<Date | null>
  /** One attempt is over. Nothing is written for a report that is settled or forgotten meanwhile. */
  reportTried(id: number, tried: Tried): Promise<void>
  reportsOf(deployment: number): Promise<readonly ReportRecord[]>
  /** By reporter, those that have something to tell or had. */
  reportCounts(): Promise<readonly ReportCount[]>
  /** Forgets one small batch of those made before and not pending. */
  pruneReports(before: Date): Promise<number>
}

/** How an attempt to send a report went; `at` is when. */
export type Tried = { readonly at: Date } & (
  | { readonly state: 'sent' }
  | { readonly state: 'pending'; readonly error: string; readonly nextAttemptAt: Date }
  | { readonly state: 'dead'; readonly error: string }
)

export type ReportCount = {
  readonly reporter: string
  readonly pending: number
  readonly dead: number
  readonly lastSentAt: Date | null
  /** Of the newest report that is pending after a failed attempt, or dead; null: none. */
  readonly lastError: string | null
}
