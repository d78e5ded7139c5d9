import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cloneToFirstStep } from './deploys/clone.ts'
import { openMarker } from './deploys/marker.ts'
import { createOrigin } from './deploys/origin.ts'
import { appOf, pushToFirstStep } from './deploys/side.ts'
import { startDeployhook } from './sides/deployhook.ts'
import { alternate } from './support/alternate.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'

/** How long the first deployment of a large repository takes to its first step. */
export const firstDeploy: Benchmark = {
  name: 'first-deploy',
  title: 'From the first byte of a signed push to the start of the first step, of 50,000 files never deployed before',
  run,
}

async function run({ dir, rounds }: Bench): Promise<Found> {
  const origin = await createOrigin({ path: join(dir, 'origin.git'), files: 50_000, pushes: 1 })
  const revision = origin.pushes[0] ?? ''
  await origin.moveTo(revision)
  await using marker = await openMarker(join(dir, 'marker'))
  const { us, clone } = await alternate(
    {
      us: (round) =>
        inFresh(join(dir, `us-${round}`), async (fresh) => {
          const app = appOf(origin, { path: join(fresh, 'deployed'), steps: [marker.command] })
          await using daemon = await startDeployhook({ dir: join(fresh, 'us'), apps: { 'app-0': app } })
          return await pushToFirstStep(daemon, marker, revision)
        }),
      clone: (round) =>
        inFresh(join(dir, `clone-${round}`), (fresh) => cloneToFirstStep(origin, join(fresh, 'clone'), marker)),
    },
    rounds,
  )
  return {
    findings: [
      {
        ...{ what: '50,000 files', unit: 'ms', ours: us, theirs: { who: 'git clone', values: clone } },
        target: { of: 'ratio', is: 'at most', limit: 1.15 },
      },
    ],
    remarks: [
      'Both by file://, so that a pack is made and sent as from a host. deployhook checks all objects that it receives (transfer.fsckObjects), and asserts every file after the checkout.',
    ],
  }
}

/** Removing 50,000 files is in nobody's time. */
async function inFresh<T>(directory: string, work: (directory: string) => Promise<T>): Promise<T> {
  await mkdir(directory)
  try {
    return await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
