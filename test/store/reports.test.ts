import { describe, expect, it } from 'vitest'
import type { Notify, ReportKind } from '../../src/model/report.ts'
import { openStore } from '../../src/store/index.ts'
import {
  at,
  claim,
  claimed,
  enqueue,
  openRaw,
  openTestStore,
  runNext,
  silentLog,
  temporaryDirectory,
} from './support.ts'

const everything: readonly ReportKind[] = ['failed', 'recovered', 'succeeded', 'cancelled', 'skipped', 'superseded']

function openTelling(
  on: readonly ReportKind[] = everything,
  notify: (app: string) => readonly Notify[] = () => [{ reporter: 'ops', on }],
) {
  return openTestStore(temporaryDirectory(), { notify })
}

const told = (raw: ReturnType<typeof openRaw>) =>
  raw
    .prepare('select deployment, kind from reports order by id')
    .all()
    .map(({ deployment, kind }) => [deployment, kind])

describe('whatever ends a deployment makes its reports', () => {
  it('its owner; a success after a failure is a recovery, whatever was skipped or cancelled in between', async () => {
    const { store, directory } = await openTelling(['failed', 'recovered'])
    for (const outcome of ['succeeded', 'failed', 'cancelled', 'skipped', 'succeeded', 'succeeded'] as const) {
      await enqueue(store, 'blog')
      await runNext(store, outcome)
    }
    expect(told(openRaw(directory))).toEqual([
      [2, 'failed'],
      [5, 'recovered'],
    ])
  })

  it('another app that failed is no reason to recover', async () => {
    const { store, directory } = await openTelling(['recovered'])
    await enqueue(store, 'docs')
    await runNext(store, 'failed')
    await enqueue(store, 'blog')
    await runNext(store, 'succeeded')
    expect(told(openRaw(directory))).toEqual([])
  })

  it('a person who cancels, a newer one, and a map without the app', async () => {
    const { store, directory } = await openTelling()
    await enqueue(store, 'blog')
    await enqueue(store, 'blog')
    await store.cancel(2, at(1))
    await enqueue(store, 'docs')
    await store.reconcile({ apps: new Map(), at: at(2) })
    expect(told(openRaw(directory))).toEqual([
      [1, 'superseded'],
      [2, 'cancelled'],
      [3, 'skipped'],
    ])
  })

  it('the start after the death of the daemon, but not of what it queues again', async () => {
    const { store, directory } = await openTelling()
    for (const app of ['plain', 'stopping']) await enqueue(store, app)
    for (let claims = 0; claims < 2; claims++) await claim(store)
    await store.recover({
      except: new Set(),
      onInterrupt: (app) => (app === 'stopping' ? 'stop' : 'requeue'),
      maxAttempts: 3,
      at: at(5),
    })
    expect(told(openRaw(directory))).toEqual([[2, 'interrupted']])
  })

  it('in its transaction: when that is not kept, neither is the outcome nor its report', async () => {
    const directory = temporaryDirectory()
    let dies = false
    const failPoint = (stage: string): void => {
      if (dies && stage === 'before-commit') throw new Error('power cut')
    }
    const store = await openStore(directory, {
      log: silentLog,
      failPoint,
      notify: () => [{ reporter: 'ops', on: ['failed'] }],
    })
    await enqueue(store, 'blog')
    const { owner } = await claimed(store)
    dies = true
    const result = { outcome: 'failed', reason: null, message: null } as const
    await expect(store.finish(owner, result, at(2))).rejects.toThrow()
    expect([(await store.deployment(1))?.state, await store.reportsOf(1)]).toEqual(['running', []])
    dies = false
    await store.finish(owner, result, at(3))
    await store.close()

    const { store: reopened } = await openTestStore(directory)
    expect(await reopened.dueReports({ at: at(3), atMost: 9 })).toMatchObject([
      { id: 1, deployment: 1, reporter: 'ops', kind: 'failed', state: 'pending', attempts: 0 },
    ])
  })

  it('for each app by what its own entry wants', async () => {
    const { store, directory } = await openTelling([], (app) =>
      app === 'blog' ? [{ reporter: 'ops', on: ['succeeded'] }] : [],
    )
    for (const app of ['blog', 'docs']) {
      await enqueue(store, app)
      await runNext(store)
    }
    expect(told(openRaw(directory))).toEqual([[1, 'succeeded']])
  })
})

describe('a report', () => {
  const failing = (names: readonly string[]) =>
    openTelling([], () => names.map((reporter) => ({ reporter, on: ['failed'] })))

  it('is due until it is sent, later after a failed attempt, and never again when it is dead', async () => {
    const { store } = await failing(['ops', 'pager'])
    await enqueue(store, 'blog')
    await runNext(store, 'failed')
    const due = async (second: number) => (await store.dueReports({ at: at(second), atMost: 9 })).map(({ id }) => id)
    expect(await due(2)).toEqual([1, 2])

    await store.reportTried(1, { state: 'pending', error: 'e'.repeat(999), nextAttemptAt: at(10), at: at(3) })
    await store.reportTried(2, { state: 'sent', at: at(3) })
    expect(await due(9)).toEqual([])
    expect(await store.nextReportAt(at(9))).toEqual(at(10))
    expect(await due(10)).toEqual([1])
    expect((await store.reportsOf(1))[0]?.error).toHaveLength(500)

    await store.reportTried(1, { state: 'dead', error: 'gone', at: at(11) })
    await store.reportTried(1, { state: 'sent', at: at(12) })
    expect(await due(99)).toEqual([])
    expect(await store.nextReportAt(at(0))).toBeNull()
    expect(await store.reportsOf(1)).toMatchObject([
      { reporter: 'ops', state: 'dead', attempts: 2, error: 'gone', nextAttemptAt: null },
      { reporter: 'pager', state: 'sent', attempts: 1, error: null, sentAt: at(3) },
    ])
    expect(await store.reportCounts()).toEqual([
      { reporter: 'ops', pending: 0, dead: 1, lastSentAt: null, lastError: 'gone' },
      { reporter: 'pager', pending: 0, dead: 0, lastSentAt: at(3), lastError: null },
    ])
  })

  it('does not wait for a time that it was given by a clock which has been set back since', async () => {
    const { store } = await failing(['ops'])
    await enqueue(store, 'blog')
    await runNext(store, 'failed')
    const due = async (day: number) => (await store.dueReports({ at: at(day * 86_400), atMost: 9 })).map(({ id }) => id)
    expect(await due(-365)).toEqual([1])

    await store.reportTried(1, { state: 'pending', error: 'e', nextAttemptAt: at(10), at: at(3) })
    expect(await due(-0.5)).toEqual([])
    expect(await due(-365)).toEqual([1])
  })

  it('of a reporter that has many does not keep those of another from being found', async () => {
    const { store } = await openTelling([], (app) => [{ reporter: app === 'docs' ? 'pager' : 'ops', on: ['failed'] }])
    for (const app of ['blog', 'blog', 'blog', 'docs']) {
      await enqueue(store, app)
      await runNext(store, 'failed')
    }
    const due = await store.dueReports({ at: at(9), atMost: 2 })
    expect(due.map(({ deployment, reporter }) => [deployment, reporter])).toEqual([
      [1, 'ops'],
      [2, 'ops'],
      [4, 'pager'],
    ])
  })

  it('is forgotten when it is old and settled, and with its deployment; a pending one stays', async () => {
    const { store, directory } = await failing(['ops', 'pager'])
    await enqueue(store, 'blog')
    await runNext(store, 'failed')
    await store.reportTried(1, { state: 'sent', at: at(3) })
    expect(await store.pruneReports(at(2))).toBe(0)
    expect(await store.pruneReports(at(3))).toBe(1)
    expect(told(openRaw(directory))).toHaveLength(1)
    openRaw(directory).exec('pragma foreign_keys = on; delete from deployments')
    expect(told(openRaw(directory))).toEqual([])
  })
})
