import { randomUUID } from 'node:crypto'
import { request } from 'undici'
import { join } from 'node:path'
import { pinged } from './load/pinged.ts'
import { bodyOf, headersOf, pushTemplate, signed, type PushTemplate } from './load/pushes.ts'
import { secret, startDeployhook, waitingApps } from './sides/deployhook.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import { percentile } from './support/finding.ts'
import { mostResidentMiB, residentMiB } from './support/resident.ts'

/** Whether one push of many megabytes keeps everybody else waiting. */
export const largeBody: Benchmark = {
  name: 'large-body',
  title: 'Others while signed pushes of 25 MB come, one after the other: what an answer of /healthz takes',
  run,
}

const pushesARound = 3

async function run({ dir, rounds, note }: Bench): Promise<Found> {
  await using us = await startDeployhook({ dir: join(dir, 'us'), apps: waitingApps(10, dir) })
  const template = largeTemplate(24 * 2 ** 20)
  const send = async () => {
    const push = signed(randomUUID().replaceAll('-', '') + '00000000', { template, secret })
    const { statusCode, body } = await request(`${us.address}/hooks/github`, {
      method: 'POST',
      headers: { ...headersOf(push) },
      body: bodyOf(template, push.commit),
    })
    const text = await body.text()
    if (statusCode !== 202) throw new Error(`a push of 25 MB was answered ${statusCode}: ${text}`)
  }

  note('warming up')
  await send()
  const atFirst = residentMiB(us.pid)
  const longest: number[] = []
  const p99: number[] = []
  for (let round = 0; round < rounds; round++) {
    const { pingsMs } = await pinged(us.address, async () => {
      for (let push = 0; push < pushesARound; push++) await send()
    })
    longest.push(Math.max(...pingsMs))
    p99.push(percentile(pingsMs, 0.99))
  }
  const memory = [mostResidentMiB(us.pid) - atFirst]
  return {
    findings: [
      { what: 'p99', unit: 'ms', ours: p99, theirs: null, target: { of: 'value', is: 'at most', limit: 50 } },
      { what: 'the longest', unit: 'ms', ours: longest, theirs: null, target: null },
      { what: 'memory at most, beyond that after the first', unit: 'MiB', ours: memory, theirs: null, target: null },
    ],
    remarks: [`${pushesARound} pushes a round, whose 25 MB hardly compress; every 5 ms somebody asks /healthz.`],
  }
}

/** A push of so many commits that it has so many bytes, each of other files. */
function largeTemplate(bytes: number): PushTemplate {
  const { head, tail } = pushTemplate('acme/app-0')
  const end = '"added":['
  const at = tail.indexOf(end) + end.length
  const files: string[] = []
  for (let size = 0; size < bytes; size += 46) files.push(`"src/${randomUUID()}",`)
  return { head, tail: tail.slice(0, at) + files.join('') + tail.slice(at) }
}
