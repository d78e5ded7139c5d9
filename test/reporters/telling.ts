import { lookup as realLookup } from 'node:dns'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import { createReport, type Report } from '../../src/model/report.ts'
import type { ReporterContext } from '../../src/reporters/index.ts'
import { createRunCommand } from '../../src/runner/exec.ts'
import { createRunReport } from '../../src/runner/report-command.ts'
import { signing } from '../config/support.ts'
import { createDeployment } from '../support/deployment.ts'

export const now = new Date('2026-03-01T12:00:30Z')
export const secret = new Secret(signing)

export const report: Report = createReport(
  { id: 3, kind: 'failed', madeAt: new Date(1_764_000_000_123) },
  { databaseId: 'a1b2', deployment: createDeployment(), publicUrl: 'https://deploy.example.com' },
)

/** What a reporter is given: the real network and real processes, with the changes that a test is about. */
export async function contextOf(options: unknown, change: Partial<ReporterContext> = {}): Promise<ReporterContext> {
  const directory = await mkdtemp(join(tmpdir(), 'deployhook-report-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const user = { name: 'tester', home: directory }
  return {
    options,
    signal: new AbortController().signal,
    now: () => now,
    lookup: realLookup,
    run: createRunReport(createRunCommand({ directory }), { stateId: 'a1b2', user }),
    ...change,
  }
}
