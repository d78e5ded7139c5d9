import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pinged } from './load/pinged.ts'
import { createDistinct, demandAccepted } from './load/distinct.ts'
import { startDeployhook, waitingApps, writeDeployFile, type Deployhook } from './sides/deployhook.ts'
import { alternate } from './support/alternate.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import { missing, programOf } from './support/programs.ts'
import { residentMiB } from './support/resident.ts'

/** What 10,000 apps cost. */
export const bigMap: Benchmark = {
  name: 'big-map',
  title: 'A deploy map of 10,000 apps beside one of 10',
  run,
}

const counts = { big: 10_000, small: 10 }
const connections = 16
const seconds = 2
/** V8 keeps the memory of a thread that has ended for some seconds, for the next one. */
const settleMs = 15_000

async function run({ dir, rounds, note }: Bench): Promise<Found> {
  const wrk = await programOf('wrk')
  await using big = await startDeployhook({ dir: join(dir, 'big'), apps: apps('big') })
  await using small = await startDeployhook({ dir: join(dir, 'small'), apps: apps('small') })

  note('accepting')
  const send = 'missing' in wrk ? null : createDistinct(wrk.path, { dir })
  const accept = async ({ address }: Deployhook, app: number): Promise<number> =>
    send === null
      ? NaN
      : demandAccepted(await send({ address, repository: `acme/app-${app}`, connections, seconds })).perSecond
  const rates = await alternate(
    { big: () => accept(big, counts.big - 1), small: () => accept(small, counts.small - 1) },
    rounds,
  )

  note('reloading')
  const reload = async (side: keyof typeof counts, daemon: Deployhook, round: number) => {
    await writeDeployFile({ dir: join(dir, side), apps: apps(side), server: { max_attempts: 3 + round } })
    const { answer, pingsMs } = await pinged(daemon.address, () => timed(() => demandReload(daemon)))
    await demandApps(daemon, counts[side])
    return { ms: answer, longestMs: Math.max(...pingsMs) }
  }
  const reloads = await alternate(
    {
      big: (round) => reload('big', big, round),
      small: (round) => reload('small', small, round),
    },
    rounds,
  )
  note('settling')
  await sleep(settleMs)
  const resident = { big: [residentMiB(big.pid)], small: [residentMiB(small.pid)] }

  const theirs = (values: readonly number[]) => ({ who: '10 apps', values })
  return {
    findings: [
      {
        ...{
          what: `accept rate, ${connections} connections`,
          unit: '/s',
          ours: rates.big,
          theirs: theirs(rates.small),
        },
        target: { of: 'ratio', is: 'at least', limit: 0.9 },
      },
      {
        ...{ what: 'reload', unit: 'ms', ours: reloads.big.map(({ ms }) => ms) },
        theirs: theirs(reloads.small.map(({ ms }) => ms)),
        target: { of: 'value', is: 'at most', limit: 2_000 },
      },
      {
        ...{ what: 'longest answer during a reload', unit: 'ms', ours: reloads.big.map(({ longestMs }) => longestMs) },
        theirs: theirs(reloads.small.map(({ longestMs }) => longestMs)),
        target: { of: 'value', is: 'at most', limit: 50 },
      },
      {
        ...{
          what: 'resident memory, some seconds after the last reload',
          unit: 'MiB',
          ours: resident.big,
          theirs: theirs(resident.small),
        },
        target: { of: 'difference', is: 'at most', limit: 60 },
      },
    ],
    skipped: missing({ 'the accept rate': wrk }),
    remarks: ['Another process asks /healthz every 5 ms during a reload.'],
  }

  function apps(side: keyof typeof counts) {
    return waitingApps(counts[side], join(dir, side))
  }
}

async function demandReload(daemon: Deployhook): Promise<void> {
  const { status, text } = await daemon.api('/api/reload', { method: 'POST' })
  if (status !== 200) throw new Error(`the reload was answered ${status}: ${text}`)
}

async function demandApps(daemon: Deployhook, apps: number): Promise<void> {
  const { body } = await daemon.api('/api/apps')
  if ((body as { apps: unknown[] }).apps.length !== apps) throw new Error('not all apps are there after the reload')
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begunAt = performance.now()
  await work()
  return performance.now() - begunAt
}
