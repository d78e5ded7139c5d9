import type { lookup } from 'node:dns'
import type { Clock } from './lib/clock.ts'
import type { FailPoint } from './lib/fail-point.ts'
import type { Log } from './lib/log.ts'
import { maskText } from './lib/masker.ts'
import { pause } from './lib/pause.ts'
import { createWakeLoop } from './lib/wake-loop.ts'
import { secretsOf, type DeployMap } from './model/deploy-map.ts'
import { createReport, oneLine, type Report, type ReportRecord } from './model/report.ts'
import { nextAttempt } from './model/report-attempts.ts'
import type { RunReportCommand } from './model/report-command.ts'
import { reporterOf, type Told } from './reporters/index.ts'
import type { Tried } from './store/outbox.ts'
import type { Store } from './store/store.ts'

/** Sends what is to be told outside, until the signal. What it cannot tell changes nothing about the deployment. */
export type Sender = {
  start(): void
  /** Looks again: the map has changed. */
  wake(): void
  /** One attempt to tell a made-up report, now; null: deploy.yml has no such reporter. */
  tryOut(reporter: string, report: Report): Promise<Told | null>
  /** Resolves when nothing is being sent; what the signal cut off is sent again by the next start. */
  settled(): Promise<void>
}

export type SenderDeps = {
  readonly store: Pick<
    Store,
    'databaseId' | 'dueReports' | 'nextReportAt' | 'reportTried' | 'pruneReports' | 'deployment' | 'changes'
  >
  readonly map: () => DeployMap
  readonly clock: Clock
  /** Nothing is forgotten for its age while the clock is in doubt. */
  readonly clockJumped: () => boolean
  readonly log: Log
  readonly lookup: typeof lookup
  readonly run: RunReportCommand
  readonly failPoint: FailPoint
  /** From 0 to 1. */
  readonly random: () => number
  readonly signal: AbortSignal
  readonly retryMs: number
}

export function createSender(deps: SenderDeps): Sender {
  const { store, map, clock, log, failPoint, signal, retryMs } = deps
  const underWay = new Map<number, { readonly reporter: string; readonly ended: Promise<void> }>()
  let timer: NodeJS.Timeout | undefined
  const passes = createWakeLoop(sendDue, {
    signal,
    retryMs,
    onError: (error) => {
      log.error({ err: error }, 'reports cannot be read; trying again')
    },
  })

  return {
    start() {
      void followDeployments()
      passes.wake()
    },
    wake() {
      passes.wake()
    },
    tryOut: (reporter, report) => tell(reporter, report),
    async settled() {
      await passes.settled()
      await Promise.all([...underWay.values()].map(({ ended }) => ended))
      clearTimeout(timer)
    },
  }

  async function followDeployments(): Promise<void> {
    try {
      for await (const { state } of store.changes(signal)) if (state === 'done') passes.wake()
    } catch (error) {
      log.error({ err: error }, 'cannot follow what there is to report; trying again')
      await pause(retryMs, signal)
      passes.wake() // for what was missed
      void followDeployments()
    }
  }

  /** Begins what is due, as far as each reporter has room: one that does not answer holds up none of the others. */
  async function sendDue(): Promise<void> {
    const at = clock.now()
    if (!deps.clockJumped()) await store.pruneReports(new Date(at.getTime() - keptMs))
    for (const record of await store.dueReports({ at, atMost: atOnce })) {
      const { id, reporter } = record
      const busy = [...underWay.values()].filter((other) => other.reporter === reporter).length
      if (underWay.has(id) || busy >= atOnce || signal.aborted) continue
      const ended = send(record).finally(() => {
        underWay.delete(id)
        passes.wake()
      })
      underWay.set(id, { reporter, ended })
    }
    await wakeInTime(at)
  }

  async function wakeInTime(at: Date): Promise<void> {
    const next = await store.nextReportAt(at)
    clearTimeout(timer)
    if (next === null || signal.aborted) return
    const wake = (): void => {
      passes.wake()
    }
    timer = setTimeout(wake, Math.min(next.getTime() - at.getTime(), longestWaitMs)).unref()
  }

  /** One attempt and its record. Never rejects: what could not be recorded is sent once more, with the same id. */
  async function send(record: ReportRecord): Promise<void> {
    const { id, reporter, kind, deployment: number } = record
    const fields = { report: id, reporter, kind, deployment: number, attempt: record.attempts + 1 }
    try {
      const deployment = await store.deployment(number)
      if (deployment === null) return
      const report = createReport(record, {
        databaseId: store.databaseId,
        deployment,
        publicUrl: map().server.publicUrl,
      })
      failPoint('before-tell')
      const told = (await tell(reporter, report)) ?? gone
      failPoint('after-tell')
      if (signal.aborted && told.kind === 'failed') return
      const tried = triedOf(record, told)
      await store.reportTried(id, tried)
      if (tried.state === 'sent') log.info(fields, 'report sent')
      else log.warn({ ...fields, state: tried.state, problem: tried.error }, 'report could not be sent')
    } catch (error) {
      log.error({ ...fields, err: error }, 'the store cannot record how a report went; it is sent once more')
      await pause(retryMs, signal)
    }
  }

  /** null: there is no such reporter. Problems come masked. */
  async function tell(name: string, report: Report): Promise<Told | null> {
    const current = map()
    const entry = current.reporters.get(name)
    if (entry === undefined) return null
    const { lookup, run } = deps
    const context = { options: entry.options, signal, now: () => clock.now(), lookup, run }
    const told = await reporterOf(entry)
      .tell(report, context)
      .catch((error: unknown) => {
        log.error({ report: report.id, reporter: name, err: error }, 'the daemon failed at a report')
        return { ...failedHere, problem: 'deployhook itself failed at this; its own log says how' }
      })
    return told.kind === 'told' ? told : { ...told, problem: oneLine(maskText(secretsOf(current), told.problem)) }
  }

  function triedOf(record: ReportRecord, told: Told): Tried {
    const at = clock.now()
    if (told.kind === 'told') return { state: 'sent', at }
    const nextAttemptAt = told.isPermanent
      ? null
      : nextAttempt(record.attempts + 1, { at, retryAfterMs: told.retryAfterMs, random: deps.random })
    if (nextAttemptAt === null) return { state: 'dead', error: told.problem, at }
    return { state: 'pending', error: told.problem, nextAttemptAt, at }
  }
}

/** Of one reporter. */
const atOnce = 4

const keptMs = 30 * 86_400_000

/** Timers do not heed a clock that is set. */
const longestWaitMs = 60_000

const failedHere = { kind: 'failed', retryAfterMs: null, isPermanent: false } as const

const gone: Told = { ...failedHere, problem: 'deploy.yml has no such reporter any more', isPermanent: true }
