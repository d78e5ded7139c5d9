import { join } from 'node:path'
import { pushTemplate, signedPushes, writePushes } from './load/pushes.ts'
import { load, type Load } from './load/wrk.ts'
import { startAdnanhIfThere } from './sides/adnanh-webhook.ts'
import { startDeployhook, waitingApps } from './sides/deployhook.ts'
import { alternate } from './support/alternate.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import { missing, programOf } from './support/programs.ts'
import { residentMiB } from './support/resident.ts'

/** What an attacker can make us do: how many forged pushes a second are turned away, and what memory that takes. */
export const refuse: Benchmark = {
  name: 'refuse',
  title: 'Pushes of 8 KB with a wrong signature, 16 connections, turned away',
  run,
}

async function run({ dir, rounds, note }: Bench): Promise<Found> {
  const [wrk, webhook] = await Promise.all([programOf('wrk'), programOf('webhook')])
  if ('missing' in wrk) return { findings: [], skipped: [`all of it: ${wrk.missing}`] }

  const template = pushTemplate('acme/app-0')
  const pushes = join(dir, 'forged')
  await writePushes(pushes, {
    template,
    pushes: signedPushes(20_000, { template, secret: 'the-secret-of-somebody-else' }),
  })
  await using us = await startDeployhook({ dir: join(dir, 'us'), apps: waitingApps(10, dir) })
  await using peer = await startAdnanhIfThere(webhook, { dir: join(dir, 'adnanh'), command: '/bin/true' })
  const against = (address: string) => load(wrk.path, { address, pushes, connections: 16, seconds: 3 })

  note('warming up')
  await against(us.address)
  const atFirst = residentMiB(us.pid)
  const memory: number[] = []
  const measured = await alternate(
    {
      us: async () => {
        const found = await against(us.address)
        memory.push(residentMiB(us.pid) - atFirst)
        return found
      },
      peer: peer && (() => against(peer.address)),
    },
    rounds,
  )
  demandRefused(measured.us)
  demandRefused(measured.peer)
  const rate = (loads: readonly Load[]) => loads.map(({ answeredPerSecond }) => answeredPerSecond)
  return {
    findings: [
      {
        ...{ what: 'refused', unit: '/s', ours: rate(measured.us) },
        theirs: peer && { who: 'adnanh/webhook', values: rate(measured.peer) },
        target: { of: 'ratio', is: 'at least', limit: 5 },
      },
      {
        ...{ what: 'memory, beyond that after the first round', unit: 'MiB', ours: memory, theirs: null },
        target: { of: 'value', is: 'at most', limit: 16 },
      },
    ],
    skipped: missing({ 'adnanh/webhook': webhook }),
    remarks: ['Of one address 30 get a 401 and then one a second, all others a 429: each is verified all the same.'],
  }
}

function demandRefused(loads: readonly Load[]): void {
  for (const { failed, requests, broken } of loads) {
    if (failed !== requests || broken > 0)
      throw new Error(`of ${requests} forged pushes ${failed} were refused, ${broken} not answered`)
  }
}
