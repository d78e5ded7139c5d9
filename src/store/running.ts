import { unreachable } from '../lib/unreachable.ts'
import type { Outcome, Trigger } from '../model/deployment.ts'
import { recover, type Recovery } from '../model/queue.ts'
import { drawConclusions } from './aftermath.ts'
import { capped } from './capped.ts'
import { deploymentOf } from './deployments.ts'
import { NotOwner } from './errors.ts'
import { waitingOf } from './queue.ts'
import { integer, text, type Row, type Sql, type Values } from './sql.ts'
import type { Claim, Owner, Store } from './store.ts'
import type { Touch, Writer } from './writer.ts'

type Running = Pick<
  Store,
  'setRevision' | 'setRelease' | 'startStep' | 'finishStep' | 'finish' | 'requeue' | 'running' | 'recover'
>

/** What happens to a running deployment: written by its owner alone, or settled after the daemon's death. */
export function createRunning(
  sql: Sql,
  { writer, read }: { readonly writer: Writer; readonly read: <T>(work: () => T) => Promise<T> },
): Running {
  return {
    setRevision: (owner, revision) =>
      writer.write((touch) => {
        update(sql, { owner, set: 'revision = :revision', values: { revision } }, touch)
      }),
    setRelease: (owner, release) =>
      writer.write((touch) => {
        update(sql, { owner, set: 'release = :release', values: { release } }, touch)
      }),
    startStep: (owner, step) =>
      writer.write((touch) => {
        startStep(sql, { owner, step }, touch)
      }),
    finishStep: (owner, step) =>
      writer.write((touch) => {
        finishStep(sql, { owner, step }, touch)
      }),
    finish: (owner, { outcome, reason, message }, at) =>
      writer.write((touch) => {
        end(sql, { owner, outcome, reason, message: capped(message, 2000), supersededBy: null, at }, touch)
        return deploymentOf(sql, owner.id)
      }),
    requeue: (owner, at) =>
      writer.write((touch) => {
        const { app, trigger, release } = deploymentOf(sql, owner.id)
        const queued = waitingOf(sql, app)
        settle(
          sql,
          { owner, at, deaths: 0, maxAttempts: 1 },
          recover({
            trigger,
            queued,
            deaths: 0,
            maxAttempts: 1,
            onInterrupt: 'requeue',
            cancelRequested: isCancelRequested(sql, owner.id),
            hasSwitched: release !== null,
          }),
          touch,
        )
        return deploymentOf(sql, owner.id)
      }),
    running: () => read(() => allRunning(sql)),
    recover: ({ except, onInterrupt, maxAttempts, at }) =>
      writer.write((touch) => {
        const left = sql
          .all(
            `select id, app, trigger, attempts, deaths, release from deployments where state = 'running' order by place`,
          )
          .filter((row) => !except.has(integer(row, 'id')))
        for (const row of left) recoverOne(sql, { row, onInterrupt, maxAttempts, at }, touch)
        return left.map((row) => deploymentOf(sql, integer(row, 'id')))
      }),
  }
}

function allRunning(sql: Sql): readonly Claim[] {
  const rows = sql.all(`select id, attempts, cancel_requested from deployments where state = 'running' order by place`)
  return rows.map((row) => {
    const id = integer(row, 'id')
    return {
      deployment: deploymentOf(sql, id),
      isCancelled: integer(row, 'cancel_requested') === 1,
      owner: { id, attempt: integer(row, 'attempts') },
    }
  })
}

function startStep(
  sql: Sql,
  { owner, step }: { owner: Owner; step: Parameters<Store['startStep']>[1] },
  touch: Touch,
): void {
  requireOwner(sql, owner)
  sql.run(
    `insert into steps (deployment, attempt, number, phase, name, started_at)
     values (:id, :attempt, :number, :phase, :name, :at)`,
    { ...values(owner), number: step.number, phase: step.phase, name: step.name, at: step.at.toISOString() },
  )
  touch(owner.id)
}

function finishStep(
  sql: Sql,
  { owner, step }: { owner: Owner; step: Parameters<Store['finishStep']>[1] },
  touch: Touch,
): void {
  requireOwner(sql, owner)
  const { number, exitCode, signal } = step
  const changed = sql.run(
    `update steps set exit_code = :exitCode, signal = :signal, finished_at = :at
     where deployment = :id and attempt = :attempt and number = :number`,
    { ...values(owner), number, exitCode, signal, at: step.at.toISOString() },
  )
  if (changed === 0) throw new Error(`step ${number} of deployment ${owner.id} was never started`)
  touch(owner.id)
}

function requireOwner(sql: Sql, owner: Owner): void {
  const row = sql.first(
    `select 1 from deployments where id = :id and state = 'running' and attempts = :attempt`,
    values(owner),
  )
  if (row === null) throw new NotOwner(owner)
}

function values({ id, attempt }: Owner): { readonly id: number; readonly attempt: number } {
  return { id, attempt }
}

/** The one statement by which a running row changes: nothing but its owner's attempt gets through. */
function update(
  sql: Sql,
  { owner, set, values: others }: { owner: Owner; set: string; values: Values },
  touch: Touch,
): void {
  const statement = `update deployments set ${set} where id = :id and state = 'running' and attempts = :attempt`
  if (sql.run(statement, { ...others, ...values(owner) }) === 0) throw new NotOwner(owner)
  touch(owner.id)
}

type End = {
  readonly owner: Owner
  readonly outcome: Outcome
  readonly reason: string | null
  readonly message: string | null
  readonly supersededBy: number | null
  readonly at: Date
}

function end(sql: Sql, { owner, at, ...result }: End, touch: Touch): void {
  requireOwner(sql, owner)
  drawConclusions(sql, { id: owner.id, at, ...result }, touch)
  const set = `state = 'done', outcome = :outcome, reason = :reason, message = :message, superseded_by = :supersededBy, finished_at = :at`
  update(sql, { owner, set, values: { ...result, at: at.toISOString() } }, touch)
}

function recoverOne(
  sql: Sql,
  { row, onInterrupt, maxAttempts, at }: Omit<Parameters<Store['recover']>[0], 'except'> & { readonly row: Row },
  touch: Touch,
): void {
  const app = text(row, 'app')
  const owner = { id: integer(row, 'id'), attempt: integer(row, 'attempts') }
  const deaths = integer(row, 'deaths') + 1
  update(sql, { owner, set: 'deaths = :deaths', values: { deaths } }, touch)
  const trigger = text(row, 'trigger') as Trigger
  const recovery = recover({
    trigger,
    cancelRequested: isCancelRequested(sql, owner.id),
    hasSwitched: row['release'] !== null,
    deaths,
    maxAttempts,
    onInterrupt: onInterrupt(app),
    queued: waitingOf(sql, app),
  })
  settle(sql, { owner, at, deaths, maxAttempts }, recovery, touch)
}

function isCancelRequested(sql: Sql, id: number): boolean {
  return sql.first('select 1 from deployments where id = :id and cancel_requested = 1', { id }) !== null
}

function settle(
  sql: Sql,
  { owner, at, deaths, maxAttempts }: { owner: Owner; at: Date; deaths: number; maxAttempts: number },
  recovery: Recovery,
  touch: Touch,
): void {
  const ended = { owner, at, supersededBy: null }
  switch (recovery.kind) {
    case 'requeue': {
      const message = `the daemon ${deaths > 0 ? 'died' : 'was stopped'} while this ran; it starts again from the beginning`
      const set = `state = 'queued', revision = null, started_at = null, message = :message`
      update(sql, { owner, set, values: { message } }, touch)
      return
    }
    case 'cancelled':
      end(
        sql,
        { ...ended, outcome: 'cancelled', reason: null, message: 'it was cancelled, and the daemon ended meanwhile' },
        touch,
      )
      return
    case 'superseded':
      end(
        sql,
        {
          ...ended,
          outcome: 'superseded',
          reason: null,
          message: 'it was interrupted, and a newer one is queued',
          supersededBy: recovery.by,
        },
        touch,
      )
      return
    case 'interrupted':
      end(
        sql,
        { ...ended, outcome: 'interrupted', reason: recovery.reason, message: interruptedMessages[recovery.reason] },
        touch,
      )
      return
    case 'poison': {
      const message = `the daemon died ${deaths} times while this ran, so it is parked as poison and not started again (server.max_attempts: ${maxAttempts}); look at its log before it is tried again`
      end(sql, { ...ended, outcome: 'failed', reason: 'poison', message }, touch)
      return
    }
    default:
      unreachable(recovery)
  }
}

const interruptedMessages = {
  on_interrupt: 'the daemon died while this ran, and on_interrupt: stop says to leave it at that',
  app_removed: 'the daemon died while this ran, and deploy.yml does not have the app any more',
}
