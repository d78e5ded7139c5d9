import { lookup } from 'node:dns'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Secret } from '../src/lib/secret.ts'
import { nextAttempt } from '../src/model/report-attempts.ts'
import type { ConfiguredReporter } from '../src/model/deploy-map.ts'
import { createSender } from '../src/outbox.ts'
import type { ReportCommand, ReportCommandEnd } from '../src/model/report-command.ts'
import { at, enqueue, openTestStore, runNext, silentLog, temporaryDirectory } from './store/support.ts'
import { createMap } from './support/map.ts'
import { until } from './support/until.ts'

const ok: ReportCommandEnd = { kind: 'exited', exitCode: 0 }
const bad: ReportCommandEnd = { kind: 'exited', exitCode: 1 }

/** A store whose apps tell the reporters named (commands of which `run` makes what it likes), and a sender on it. */
async function createTelling(
  names: readonly string[],
  run: (command: ReportCommand) => Promise<ReportCommandEnd>,
  directory = temporaryDirectory(),
) {
  const { store } = await openTestStore(directory, {
    notify: () => names.map((reporter) => ({ reporter, on: ['failed'] })),
  })
  const entry = (name: string): [string, ConfiguredReporter] => [
    name,
    { name, kind: 'command', options: { run: [name] }, secrets: [new Secret('hunter22')] },
  ]
  let reporters = new Map(names.map(entry))
  let now = at(10)
  let isInDoubt = false
  const stop = new AbortController()
  const sender = createSender({
    store,
    map: () => ({ ...createMap([]), reporters }),
    clock: { now: () => now },
    clockJumped: () => isInDoubt,
    log: silentLog,
    lookup,
    run,
    failPoint: () => undefined,
    random: () => 0.5,
    signal: stop.signal,
    retryMs: 1,
  })
  const end = async () => {
    stop.abort()
    await sender.settled()
  }
  onTestFinished(end)
  return {
    store,
    sender,
    end,
    directory,
    async fail(app = 'blog') {
      await enqueue(store, app)
      return (await runNext(store, 'failed')).id
    },
    goTo(second: number) {
      now = at(second)
      sender.wake()
    },
    doubt(theClock: 'yes' | 'no') {
      isInDoubt = theClock === 'yes'
    },
    removeReporters() {
      reporters = new Map()
    },
    reports: (deployment: number) => store.reportsOf(deployment),
    settledAs: (deployment: number, state: string, attempts = 1) =>
      until(`the reports of ${deployment} to be ${state}`, async () => {
        const reports = await store.reportsOf(deployment)
        return reports.every((report) => report.state === state && report.attempts === attempts) && reports
      }),
  }
}

describe('reports', () => {
  it('are sent as soon as a deployment has ended', async () => {
    const told: string[] = []
    const telling = await createTelling(['ops', 'pager'], ({ argv, id }) => {
      told.push(`${argv[0]} ${id}`)
      return Promise.resolve(ok)
    })
    telling.sender.start()
    const id = await telling.fail()
    expect(await telling.settledAs(id, 'sent')).toMatchObject([{ sentAt: at(10) }, { sentAt: at(10) }])
    const { databaseId } = telling.store
    const [{ madeAt } = { madeAt: at(0) }] = await telling.reports(id)
    expect(told.sort()).toEqual(
      [1, 2].map((n) => `${n === 1 ? 'ops' : 'pager'} ${databaseId}-${n}-${madeAt.getTime()}`),
    )
  })

  it('of a reporter that never answers hold up neither those of another nor the end of the daemon', async () => {
    let hanging = 0
    const telling = await createTelling(['hung', 'ops'], ({ argv, signal }) => {
      if (argv[0] === 'ops') return Promise.resolve(ok)
      hanging += 1
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          resolve({ kind: 'other', how: 'was stopped with the daemon' })
        })
      })
    })
    telling.sender.start()
    for (let failures = 0; failures < 6; failures++) await telling.fail()
    await until('ops to be told of all', async () =>
      (await telling.store.reportCounts()).some(({ reporter, pending }) => reporter === 'ops' && pending === 0),
    )
    expect(hanging).toBe(4)
    await telling.end()
    const counts = await telling.store.reportCounts()
    expect(counts.map(({ reporter, pending, lastError }) => [reporter, pending, lastError])).toEqual([
      ['hung', 6, null],
      ['ops', 0, null],
    ])
  })

  it('that were cut off are sent by the next start, with the same id', async () => {
    const ids: string[] = []
    const directory = temporaryDirectory()
    const cut = Promise.withResolvers<undefined>()
    const first = await createTelling(
      ['ops'],
      ({ id, signal }) => {
        ids.push(id)
        cut.resolve(undefined)
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            resolve(bad)
          })
        })
      },
      directory,
    )
    first.sender.start()
    const deployment = await first.fail()
    await cut.promise
    await first.end()
    await first.store.close()

    const second = await createTelling(
      ['ops'],
      ({ id }) => {
        ids.push(id)
        return Promise.resolve(ok)
      },
      directory,
    )
    second.sender.start()
    await second.settledAs(deployment, 'sent')
    expect(new Set(ids).size).toBe(1)
    expect(ids).toHaveLength(2)
  })

  it('that fail are tried again, later and later, and given up after eight attempts with the last problem', async () => {
    let attempts = 0
    const telling = await createTelling(['ops'], ({ onOutput }) => {
      attempts += 1
      onOutput(Buffer.from(`curl: no hunter22 here\u001b[31m\n`))
      return Promise.resolve(bad)
    })
    telling.sender.start()
    const id = await telling.fail()
    for (let attempt = 1; attempt < 8; attempt++) {
      const [report] = await telling.settledAs(id, 'pending', attempt)
      const next = report?.nextAttemptAt ?? at(0)
      telling.goTo((next.getTime() - at(0).getTime()) / 1000 - 1)
      await telling.sender.settled()
      expect(attempts).toBe(attempt)
      telling.goTo((next.getTime() - at(0).getTime()) / 1000)
    }
    const [dead] = await telling.settledAs(id, 'dead', 8)
    expect(dead).toMatchObject({
      nextAttemptAt: null,
      error: 'ops ended with exit code 1: curl: no [secret] here [31m',
    })
    expect(await telling.store.deployment(id)).toMatchObject({ outcome: 'failed', reason: null })
  })

  it('for a reporter that is not in deploy.yml any more are given up', async () => {
    const telling = await createTelling(['ops'], () => Promise.resolve(ok))
    telling.removeReporters()
    telling.sender.start()
    const id = await telling.fail()
    expect(await telling.settledAs(id, 'dead')).toMatchObject([{ error: 'deploy.yml has no such reporter any more' }])
  })

  it('are forgotten when they are old, but not while the clock of the machine is in doubt', async () => {
    const telling = await createTelling(['ops'], () => Promise.resolve(ok))
    telling.sender.start()
    const id = await telling.fail()
    await telling.settledAs(id, 'sent')
    telling.doubt('yes')
    telling.goTo(40 * 86_400)
    await telling.settledAs(await telling.fail(), 'sent')
    expect(await telling.reports(id)).toHaveLength(1)

    telling.doubt('no')
    telling.goTo(41 * 86_400)
    await until('it to be forgotten', async () => (await telling.reports(id)).length === 0)
  })

  it('count as tried when the daemon itself fails at one', async () => {
    const telling = await createTelling(['ops'], () => Promise.reject(new Error('a bug')))
    telling.sender.start()
    const id = await telling.fail()
    expect(await telling.settledAs(id, 'pending')).toMatchObject([
      { error: 'deployhook itself failed at this; its own log says how' },
    ])
  })
})

describe('the next attempt', () => {
  const after = (attempts: number, retryAfterMs: number | null = null, random = 0.5) => {
    const next = nextAttempt(attempts, { at: at(0), retryAfterMs, random: () => random })
    return next === null ? null : (next.getTime() - at(0).getTime()) / 60_000
  }

  it('comes after half a minute, then rarer, and not at all after eight in a day', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7].map((attempts) => after(attempts) ?? 0)
    expect(waits).toEqual([0.5, 2, 10, 30, 120, 360, 900])
    expect(after(8)).toBeNull()
    expect(waits.reduce((sum, wait) => sum + wait) / 60).toBeCloseTo(24, 0)
  })

  it('is spread by a fifth either way', () => {
    expect([after(2, null, 0), after(2, null, 1)]).toEqual([1.6, 2.4])
  })

  it('waits as long as the receiver asks, up to six hours, and never shorter for it', () => {
    expect([after(1, 3_600_000), after(1, 999_999_999_999), after(3, 1_000)]).toEqual([60, 360, 10])
  })
})
