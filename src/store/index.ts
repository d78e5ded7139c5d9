import { join } from 'node:path'
import { systemClock, type Clock } from '../lib/clock.ts'
import type { FailPoint } from '../lib/fail-point.ts'
import type { Log } from '../lib/log.ts'
import { createBackups } from './backup.ts'
import type { Notify } from '../model/report.ts'
import { createChanges } from './changes.ts'
import { openDatabase } from './database.ts'
import { createDeliveries } from './deliveries.ts'
import { findDeployment, listDeployments, liveOf, queueOf } from './deployments.ts'
import { asStoreError, StoreError } from './errors.ts'
import { createGates } from './gates.ts'
import { createLogs } from './logs.ts'
import { createQueue } from './queue.ts'
import { isLogNeeded } from './prune-deployments.ts'
import { prune } from './prune.ts'
import { recall } from './recall.ts'
import { reconcile } from './reconcile.ts'
import { createReports, queueReports } from './reports.ts'
import { createRunning } from './running.ts'
import { createSecretUses } from './secret-uses.ts'
import { createCatchUpStore, seenRefsOf } from './seen-refs.ts'
import { createSql } from './sql.ts'
import type { Store } from './store.ts'
import { createWriter } from './writer.ts'

export { backUpStopped, verifyBackup } from './backup.ts'
export { mayPass, NotOwner, StoreError, type StoreErrorCode } from './errors.ts'
export { createRefusals, type Refusals } from './refusals.ts'
export { createStrays, type Strays } from './strays.ts'

export type StoreDeps = {
  readonly log: Log
  /** Stages: `in-migration`; `before-commit` (written, not committed); `in-commit` (committed, nobody told). */
  readonly failPoint: FailPoint
  /** Stamps the lines of logs. */
  readonly clock?: Clock
  /** Who is told how a deployment of the app ends, as deploy.yml says when it ends; nobody unless given. */
  readonly notify?: (app: string) => readonly Notify[]
}

/**
 * Opens the state directory for this process alone; made on first use. Throws a `StoreError` that says what is wrong,
 * where, and the cure, when it is in use, damaged, foreign, newer than this program, or gone although it was there.
 */
export async function openStore(directory: string, deps: StoreDeps): Promise<Store> {
  const { log, failPoint, clock = systemClock, notify = () => [] } = deps
  const { database, trust, databaseId, stateId, close } = await answer(() =>
    openDatabase(directory, { log, failPoint }),
  )
  const sql = createSql(database)
  const changes = createChanges((id) => (database.isOpen ? findDeployment(sql, id) : null))
  const logs = createLogs({ directory: join(directory, 'logs'), clock, log, isDone, isKnown, isNeeded })
  const writer = createWriter(database, {
    failPoint,
    trust,
    alsoWrite(deployments) {
      queueReports(sql, { deployments, notify })
    },
    onCommitted(deployments) {
      changes.announce(deployments)
      logs.wake(deployments)
    },
  })
  const secretUses = createSecretUses(sql, databaseId)
  const deliveries = createDeliveries(sql, { writer, secretUses })

  return {
    databaseId,
    stateId,
    failed: trust.ended,
    accept: deliveries.accept,
    keep: deliveries.keep,
    recall: (id, at) => read(() => recall(sql, id, at)),
    delivery: (id) => read(() => deliveries.delivery(id)),
    deliveries: (page) => read(() => deliveries.deliveries(page)),
    secretUses: (webhook, secrets) => read(() => secretUses.of(webhook, secrets)),
    prune: (bounds) => writer.write(() => prune(sql, bounds)),
    pruneLogs: (bounds) => logs.prune(bounds),
    ...createQueue(sql, writer),
    ...createRunning(sql, { writer, read }),
    ...createCatchUpStore(sql, writer),
    seenRefs: (app, filter) => read(() => seenRefsOf(sql, app, filter)),
    reconcile: (request) => writer.write((touch) => reconcile(sql, request, touch)),
    ...createReports(sql, { writer, read }),
    ...createGates(sql, { writer, read }),
    deployment: (id) => read(() => findDeployment(sql, id)),
    deployments: (page) => read(() => listDeployments(sql, page)),
    queue: () => read(() => queueOf(sql)),
    live: (app) => read(() => liveOf(sql, app)),
    changes: (signal) => changes.follow(signal),
    ping: () =>
      writer.write(() => {
        sql.run(`insert into meta (key, value) values ('pinged', 1) on conflict do update set value = value + 1`)
      }),
    backup: createBackups(directory),
    openLog: (deployment, secrets) => logs.openLog(deployment, secrets),
    readLog: (deployment, offset) => logs.readLog(deployment, offset),
    followLog: (deployment, offset, signal) => logs.followLog(deployment, offset, signal),
    close: () =>
      answer(() => {
        if (!database.isOpen) return
        writer.close()
        changes.close()
        logs.close()
        close()
      }),
  }

  function read<T>(work: () => T | Promise<T>): Promise<T> {
    return answer(() => {
      if (!database.isOpen) throw new StoreError('closed', 'the store is closed')
      return work()
    })
  }

  function isKnown(deployment: number): boolean {
    return !database.isOpen || sql.first('select 1 from deployments where id = :deployment', { deployment }) !== null
  }

  function isNeeded(deployment: number): boolean {
    return !database.isOpen || isLogNeeded(sql, deployment)
  }

  function isDone(deployment: number): boolean {
    const state = findDeployment(sql, deployment)?.state ?? 'done'
    return state === 'done'
  }
}

/** SQLite answers at once; to callers every answer is a promise, so that another store may take its time. */
async function answer<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asStoreError(error)
  }
}
