import { join } from 'node:path'
import { createDistinct, demandAccepted } from './load/distinct.ts'
import type { Load } from './load/wrk.ts'
import { startAdnanhIfThere } from './sides/adnanh-webhook.ts'
import { startBareFastify } from './sides/bare-fastify.ts'
import { startDeployhook, waitingApps } from './sides/deployhook.ts'
import { alternate } from './support/alternate.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import type { Finding, Target } from './support/finding.ts'
import { missing, programOf } from './support/programs.ts'

/** How many signed pushes a second are answered 202, each after it is on disk. */
export const accept: Benchmark = {
  name: 'accept',
  title: 'Signed GitHub pushes of 8 KB, each with a delivery id of its own, answered 202 after the fsync',
  run,
}

const seconds = 3
const connectionCounts = [1, 16, 64] as const

async function run({ dir, rounds, note }: Bench): Promise<Found> {
  const [wrk, webhook] = await Promise.all([programOf('wrk'), programOf('webhook')])
  if ('missing' in wrk) return { findings: [], skipped: [`all of it: ${wrk.missing}`] }

  const send = createDistinct(wrk.path, { dir })
  await using us = await startDeployhook({ dir: join(dir, 'us'), apps: waitingApps(10, dir) })
  await using bare = await startBareFastify()
  await using peer = await startAdnanhIfThere(webhook, { dir: join(dir, 'adnanh'), command: '/bin/true' })

  const findings: Finding[] = []
  for (const connections of connectionCounts) {
    note(`${connections} connections`)
    const against = (address: string) => send({ address, connections, seconds })
    const measured = await alternate(
      {
        us: async () => demandAccepted(await against(us.address)),
        bare: () => against(bare.address),
        peer:
          peer &&
          (async () => {
            const found = await against(peer.address)
            await peer.settled()
            return found
          }),
      },
      rounds,
    )
    findings.push(...findingsOf(connections, measured))
  }
  return {
    findings,
    skipped: missing({ 'adnanh/webhook': webhook }),
    remarks: [
      'wrk runs on the same cores with one thread.',
      'The deployments wait for an approval, so that none is running meanwhile; adnanh/webhook starts /bin/true for each push, after its answer.',
      'Bare Fastify reads the body and answers 200; nothing is verified, parsed or kept.',
    ],
  }
}

type Measured = { readonly us: readonly Load[]; readonly bare: readonly Load[]; readonly peer: readonly Load[] }

function findingsOf(connections: number, { us, bare, peer }: Measured): readonly Finding[] {
  const what = `${connections} connection${connections === 1 ? '' : 's'}`
  const rate = (loads: readonly Load[]) => loads.map(({ perSecond }) => perSecond)
  const p99 = (loads: readonly Load[]) => loads.map(({ p99Ms }) => p99Ms)
  const ratio = (is: Target['is'], limit: number): Target => ({ of: 'ratio', is, limit })
  return [
    {
      ...{ what, unit: '/s', ours: rate(us), theirs: { who: 'bare Fastify', values: rate(bare) } },
      target: connections === 64 ? ratio('at least', 0.4) : null,
    },
    ...(peer.length === 0
      ? []
      : [
          {
            ...{ what, unit: '/s' as const, ours: rate(us), theirs: { who: 'adnanh/webhook', values: rate(peer) } },
            target: connections === 16 ? ratio('at least', 4) : null,
          },
          {
            ...{ what: `${what}, p99`, unit: 'ms' as const, ours: p99(us) },
            ...{ theirs: { who: 'adnanh/webhook', values: p99(peer) }, target: ratio('at most', 1 / 3) },
          },
        ]),
  ]
}
