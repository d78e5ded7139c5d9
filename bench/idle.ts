import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startAdnanhIfThere } from './sides/adnanh-webhook.ts'
import { startBareFastify } from './sides/bare-fastify.ts'
import { startDeployhook, waitingApps } from './sides/deployhook.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import { missing, programOf } from './support/programs.ts'
import { cpuSeconds, residentMiB } from './support/resident.ts'

/** What the daemon costs while nobody pushes. */
export const idle: Benchmark = {
  name: 'idle',
  title: 'While nothing happens: 10 apps with catch-up off',
  run,
}

/** All sides at once, so that once is enough: each has next to nothing to do. */
const windowSeconds = 60
const settleMs = 5_000

async function run({ dir, rounds, note }: Bench): Promise<Found> {
  const webhook = await programOf('webhook')
  await using us = await startDeployhook({ dir: join(dir, 'us'), apps: waitingApps(10, dir) })
  await using bare = await startBareFastify()
  await using peer = await startAdnanhIfThere(webhook, { dir: join(dir, 'adnanh'), command: '/bin/true' })
  for (const address of [`${us.address}/healthz`, `${bare.address}/readyz`]) await (await fetch(address)).text()

  const seconds = rounds === 1 ? 10 : windowSeconds
  note(`watching for ${seconds} s`)
  await sleep(settleMs)
  const sides = [us, bare, ...(peer === null ? [] : [peer])]
  const before = sides.map(({ pid }) => cpuSeconds(pid))
  await sleep(seconds * 1000)
  const [ours = NaN, ...others] = sides.map(({ pid }, at) => ((cpuSeconds(pid) - (before[at] ?? 0)) / seconds) * 100)
  const resident = [residentMiB(us.pid)]
  const names = ['bare Fastify', 'adnanh/webhook']

  return {
    findings: [
      {
        ...{ what: 'resident memory', unit: 'MiB', ours: resident },
        theirs: { who: 'bare Fastify', values: [residentMiB(bare.pid)] },
        target: { of: 'ratio', is: 'at most', limit: 1.4 },
      },
      ...(peer === null
        ? []
        : [
            {
              ...{ what: 'resident memory', unit: 'MiB' as const, ours: resident, target: null },
              theirs: { who: 'adnanh/webhook', values: [residentMiB(peer.pid)] },
            },
          ]),
      ...others.map((other, at) => ({
        ...{ what: `processor time over ${seconds} s`, unit: '%' as const, ours: [ours] },
        theirs: { who: names[at] ?? '', values: [other] },
        target: at === 0 ? ({ of: 'value', is: 'at most', limit: 0.1 } as const) : null,
      })),
    ],
    skipped: missing({ 'adnanh/webhook': webhook }),
    remarks: [
      'All sides at the same time, each asked once before; the clock ticks a hundred times a second (time(7)).',
    ],
  }
}
