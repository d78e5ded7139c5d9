import { execa } from 'execa'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pinged } from './load/pinged.ts'
import { makeRepository } from './load/repository.ts'
import { startDeployhook, type Deployhook } from './sides/deployhook.ts'
import { alternate } from './support/alternate.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import { percentile } from './support/finding.ts'
import { forgetMostResident, mostResidentMiB, residentMiB } from './support/resident.ts'

/** A step that writes and writes. */
export const output: Benchmark = {
  name: 'output',
  title: 'A step that writes 1 GB of output',
  run,
}

const megabytes = 1_000
const line = 'npm http fetch GET 200 https://registry.npmjs.org/left-pad 12ms (cache revalidated) of many'
const source = `yes '${line}' | head -c ${megabytes}000000`

async function run({ dir, rounds }: Bench): Promise<Found> {
  const repo = await makeRepository(join(dir, 'git'))
  const app = { repo, path: join(dir, 'srv') }
  await using us = await startDeployhook({
    dir: join(dir, 'us'),
    apps: { loud: { ...app, steps: [source] } },
  })
  const costs: { readonly grown: number; readonly p99Ms: number }[] = []
  const rates = await alternate(
    {
      us: async () => {
        const { rate, ...cost } = await deploy(us)
        costs.push(cost)
        return rate
      },
      cat: async () => {
        const file = join(dir, 'output')
        const begunAt = performance.now()
        await execa('sh', ['-c', `(${source}) | cat > ${file}`], { stdin: 'ignore' })
        const rate = megabytes / ((performance.now() - begunAt) / 1000)
        if ((await stat(file)).size !== megabytes * 1e6) throw new Error('cat lost some of it')
        await rm(file)
        return rate
      },
    },
    rounds,
  )
  return {
    findings: [
      {
        ...{ what: 'rate', unit: 'MB/s', ours: rates.us },
        theirs: { who: 'sh -c cat > file', values: rates.cat },
        target: { of: 'ratio', is: 'at least', limit: 0.5 },
      },
      {
        ...{
          what: 'resident memory, at most, above what it was',
          unit: 'MiB',
          ours: costs.map(({ grown }) => grown),
        },
        theirs: null,
        target: { of: 'value', is: 'at most', limit: 32 },
      },
      {
        ...{ what: 'answers of /healthz meanwhile, p99', unit: 'ms', ours: costs.map(({ p99Ms }) => p99Ms) },
        theirs: null,
        target: { of: 'value', is: 'at most', limit: 50 },
      },
    ],
    remarks: [
      `Both read \`${source}\` from a pipe; deployhook masks and stamps it, and keeps the first 16 MiB and the last.`,
      'The rate is that of the step, by the times that the daemon keeps of it. Another process asks /healthz every 5 ms.',
    ],
  }
}

async function deploy(daemon: Deployhook): Promise<{ rate: number; grown: number; p99Ms: number }> {
  const before = residentMiB(daemon.pid)
  forgetMostResident(daemon.pid)
  const { answer: took, pingsMs } = await pinged(daemon.address, () => deployedStep(daemon))
  return {
    rate: megabytes / (took / 1000),
    grown: mostResidentMiB(daemon.pid) - before,
    p99Ms: percentile(pingsMs, 0.99),
  }
}

type Done = {
  readonly deployment: { readonly id: number }
}
type Ended = {
  readonly state: string
  readonly outcome: string | null
  readonly steps: readonly { readonly startedAt: string; readonly finishedAt: string }[]
}

/** How long its one step ran, in milliseconds. */
async function deployedStep(daemon: Deployhook): Promise<number> {
  const asked = await daemon.api('/api/apps/loud/deploy', { method: 'POST', body: {} })
  const { deployment } = asked.body as Done
  for (;;) {
    const { body } = await daemon.api(`/api/deployments/${deployment.id}`)
    const { state, outcome, steps } = body as Ended
    if (state === 'done') {
      const [step] = steps
      if (outcome !== 'succeeded' || step === undefined) throw new Error(`the deployment ended ${outcome ?? '?'}`)
      const log = await daemon.api(`/api/deployments/${deployment.id}/log`)
      if (!/bytes of output left out/.test(log.text) || !log.text.includes(line)) throw new Error('the log lacks it')
      return Date.parse(step.finishedAt) - Date.parse(step.startedAt)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
