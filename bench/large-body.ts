import { randomBytes } from 'node:crypto'
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
    const push = signed(randomBytes(20).toString('hex'), { template, secret })
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
    remarks: [`${pushesARound} pushes a round, of 30,000 commits each; every 5 ms somebody asks /healthz.`],
  }
}

/** A push of so many commits that it has so many bytes: what GitHub sends when a branch of years is pushed at once. */
function largeTemplate(bytes: number): PushTemplate {
  const { head, tail } = pushTemplate('acme/app-0')
  const begin = '"commits":['
  const at = tail.indexOf(begin) + begin.length
  const commit = tail.slice(at, tail.indexOf('},{"id"', at) + 1)
  const commits = Array.from({ length: Math.floor(bytes / commit.length) }, () =>
    commit.replaceAll('0c2a1bcdf5b4f1b3e5d8a6f0d3a7b1c9e2f4a680', randomBytes(20).toString('hex')),
  )
  return { head, tail: `${tail.slice(0, at)}${commits.join(',')},${tail.slice(at)}` }
}
