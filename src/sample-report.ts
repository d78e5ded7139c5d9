import type { Deployment } from './model/deployment.ts'
import { createReport, type Report } from './model/report.ts'

/** A report of a deployment that never was, to try a reporter out. */
export function sampleReport({
  databaseId,
  at,
  publicUrl,
}: {
  readonly databaseId: string
  readonly at: Date
  readonly publicUrl: string | null
}): Report {
  const report = createReport(
    { id: 0, kind: 'failed', madeAt: at },
    { databaseId, deployment: { ...neverWas, queuedAt: at }, publicUrl },
  )
  // Receivers drop an id that they have seen.
  return { ...report, id: `${databaseId}-test-${at.getTime()}`, url: publicUrl }
}

const neverWas: Omit<Deployment, 'queuedAt'> = {
  id: 0,
  app: 'example',
  requestedRevision: null,
  revision: null,
  ref: 'refs/heads/main',
  trigger: 'manual',
  state: 'done',
  outcome: 'failed',
  reason: 'test',
  message: 'this is a test, and nothing has failed',
  supersededBy: null,
  delivery: null,
  attempts: 1,
  startedAt: null,
  finishedAt: null,
  release: null,
  adopt: false,
  exact: false,
  forced: false,
  approvedAt: null,
  approvedBy: null,
  askedBy: null,
  note: null,
  steps: [],
}
