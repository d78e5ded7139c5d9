import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cloneOf, scriptToFirstStep } from './deploys/clone.ts'
import { openMarker } from './deploys/marker.ts'
import { createOrigin, filePath, type OriginOptions } from './deploys/origin.ts'
import { appOf, pushToFirstStep } from './deploys/side.ts'
import { startDeployhook } from './sides/deployhook.ts'
import { alternate } from './support/alternate.ts'
import type { Bench, Benchmark, Found } from './support/benchmark.ts'
import type { Finding, Target } from './support/finding.ts'

/** How long a push takes to its first step, when the repository was deployed before. */
export const firstStep: Benchmark = {
  name: 'first-step',
  title: 'From the first byte of a signed push to the start of the first step, of an app that was deployed before',
  run,
}

type Case = {
  readonly what: string
  readonly origin: Omit<OriginOptions, 'path' | 'pushes'>
  readonly target: Target | null
  /** Pushes in a round. */
  readonly pushes: number
  /** Somebody edits a tracked file on the server before each push: it has to be saved. */
  readonly isEdited?: boolean
}

const atMost = (of: Target['of'], limit: number): Target => ({ of, is: 'at most', limit })

const large = { files: 50_000, changedPerPush: 100 }

const cases: readonly Case[] = [
  { what: 'small repository', origin: { files: 20, history: 30 }, target: atMost('difference', 60), pushes: 4 },
  {
    what: '10,000 commits of history',
    origin: { files: 200, history: 10_000 },
    target: atMost('difference', 60),
    pushes: 3,
  },
  { what: '50,000 files, 100 changed', origin: large, target: atMost('ratio', 1.5), pushes: 1 },
  { what: '50,000 files, one edited here', origin: large, target: null, pushes: 1, isEdited: true },
]

async function run({ dir, rounds, note }: Bench): Promise<Found> {
  const findings: Finding[] = []
  for (const [at, one] of cases.entries()) {
    note(one.what)
    findings.push(await findingOf(one, { dir: join(dir, `case-${at}`), rounds: rounds * one.pushes }))
  }
  return {
    findings,
    remarks: [
      'Both fetch by file:// from the same bare repository, the same commits in turn.',
      'The script is `git fetch && git reset --hard FETCH_HEAD && sh -c …` in a clone of its own, measured from its start.',
      'deployhook looks for local changes before the checkout, and asserts every file after it; in the last case it saves an edited file, which the script throws away.',
    ],
  }
}

async function findingOf(
  { what, origin: options, target, isEdited = false }: Case,
  { dir, rounds }: { readonly dir: string; readonly rounds: number },
): Promise<Finding> {
  await using us = await startUs(dir, { ...options, pushes: rounds + 1 })
  const { origin, marker, deployed, clone } = us
  const edit = async (path: string, round: number) => {
    if (isEdited) await writeFile(join(path, filePath(7)), `edited here before push ${round}\n`)
  }
  const revisionOf = (round: number) => origin.pushes[round + 1] ?? ''
  const measured = await alternate(
    {
      us: async (round) => {
        await origin.moveTo(revisionOf(round))
        await edit(deployed, round)
        return pushToFirstStep(us.daemon, marker, revisionOf(round))
      },
      script: async (round) => {
        await edit(clone, round)
        return scriptToFirstStep(clone, marker, revisionOf(round))
      },
    },
    rounds,
  )
  return { what, unit: 'ms', ours: measured.us, theirs: { who: 'git and sh', values: measured.script }, target }
}

/** Both sides have the first push. */
async function startUs(dir: string, options: Omit<OriginOptions, 'path'>) {
  const [deployed, clone] = [join(dir, 'deployed'), join(dir, 'clone')]
  const disposables = new AsyncDisposableStack()
  const daemonDirectory = join(dir, 'us')
  const origin = await createOrigin({ ...options, path: join(dir, 'origin.git') })
  const marker = disposables.use(await openMarker(join(dir, 'marker')))
  const app = appOf(origin, { path: deployed, steps: [marker.command] })
  const daemon = disposables.use(await startDeployhook({ dir: daemonDirectory, apps: { 'app-0': app } }))
  const first = origin.pushes[0] ?? ''
  await origin.moveTo(first)
  await pushToFirstStep(daemon, marker, first)
  await cloneOf(origin, clone)
  return { origin, marker, daemon, deployed, clone, [Symbol.asyncDispose]: () => disposables.disposeAsync() }
}
