import type { Deployment } from '../../src/model/deployment.ts'
import { revision } from './map.ts'

/** Deployment 12 of the app blog, which failed, with the changes that a test is about. */
export function createDeployment(change: Partial<Deployment> = {}): Deployment {
  return {
    id: 12,
    app: 'blog',
    requestedRevision: null,
    revision: revision('c'),
    ref: 'refs/heads/main',
    trigger: 'push',
    state: 'done',
    outcome: 'failed',
    reason: 'step_failed',
    message: 'step 1 (npm ci) ended with exit code 1',
    supersededBy: null,
    delivery: 7,
    attempts: 1,
    queuedAt: new Date('2026-03-01T12:00:00Z'),
    startedAt: new Date('2026-03-01T12:00:01Z'),
    finishedAt: new Date('2026-03-01T12:00:09Z'),
    release: null,
    adopt: false,
    exact: false,
    forced: false,
    approvedAt: null,
    approvedBy: null,
    askedBy: null,
    note: null,
    steps: [
      {
        number: 1,
        phase: 'build',
        name: 'npm ci',
        attempt: 1,
        exitCode: 1,
        signal: null,
        startedAt: new Date('2026-03-01T12:00:02Z'),
        finishedAt: new Date('2026-03-01T12:00:08Z'),
      },
    ],
    ...change,
  }
}
