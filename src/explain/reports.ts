import { lengthOf } from '../lib/ago.ts'
import type { Deployment } from '../model/deployment.ts'
import type { ReportRecord } from '../model/report.ts'
import { told, type ExplainDeps } from './deps.ts'

/** What was told of a deployment to whom, and what could not be. */
export async function reports({ id }: Pick<Deployment, 'id'>, deps: ExplainDeps): Promise<readonly string[]> {
  return (await deps.store.reportsOf(id)).map((report) => sentence(report, deps))
}

function sentence(report: ReportRecord, deps: ExplainDeps): string {
  const { reporter, kind, state, attempts, sentAt, nextAttemptAt, error } = report
  const what = kind.replaceAll('_', ' ')
  if (state === 'sent')
    return `Reporter ${reporter} told of it (${what})${sentAt === null ? '' : ` ${told(sentAt, deps)}`}.`
  if (state === 'dead')
    return `Reporter ${reporter} could not tell of it (${what}) and has given up: ${error ?? 'no reason'}.`
  if (error === null) return `Reporter ${reporter} is about to tell of it (${what}).`
  const waitMs = Math.max(0, (nextAttemptAt?.getTime() ?? 0) - deps.clock.now().getTime())
  return `Reporter ${reporter} could not tell of it yet (${what}; attempt ${attempts}, the next in ${lengthOf(waitMs)}): ${error}.`
}
