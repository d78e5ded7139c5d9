import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { Deployment } from '../../src/model/deployment.ts'
import { openWorld, processesOf, type World, type WorldApp } from '../support/open-world.ts'
import { until } from '../support/until.ts'
import { given } from './given.ts'
import { openTold, type Told } from './told.ts'
import { upperBound } from './upper-bound.ts'
import { createWitness } from './witness.ts'

/** Every stage at which the daemon can be made to die, in the order in which a push reaches them. */
export const stages = [
  'after-verify',
  'before-commit',
  'in-commit',
  'after-commit',
  'after-answer',
  'claimed',
  'before-fetch',
  'after-fetch',
  'before-checkout',
  'in-checkout',
  'after-checkout',
  'before-steps',
  'in-step',
  'between-steps',
  'after-steps',
  'before-recording',
  'before-tell',
  'after-tell',
] as const

/** Those that only an app with releases has, or that matter more to one. */
export const releaseStages = [
  ...(['in-checkout', 'before-release', 'after-release', 'in-step', 'after-steps', 'after-seal'] as const),
  ...(['before-switch', 'after-switch', 'in-health', 'before-prune', 'after-prune', 'before-recording'] as const),
  ...(['before-rollback', 'in-rollback'] as const),
]

/**
 * Lets the daemon die by SIGKILL at each named stage of a push, `rounds` times, and starts it again. Tells what does not
 * hold then: a push that is live once, and nothing doubled, lost, half done, left running or kept from who is to be told.
 * The daemon's state goes on from death to death.
 */
export async function soakStages(rounds: number): Promise<readonly string[]> {
  return soak(stages, { ...inPlace, rounds })
}

/** The same with releases: `current` leads to a whole release at every instant, the old one or the new one. */
export async function soakReleaseStages(rounds: number): Promise<readonly string[]> {
  return soak(releaseStages, { ...withReleases, rounds })
}

/** What each negative control made the harness say: nothing would mean that it sees nothing. */
export async function controlStages(): Promise<Readonly<Record<Control, readonly string[]>>> {
  return {
    unsettled: await soak(['in-step'], { ...inPlace, rounds: 1, control: 'unsettled' }),
    forgotten: await soak(['after-answer'], { ...inPlace, rounds: 1, control: 'forgotten' }),
    untold: await soak(['before-tell'], { ...inPlace, rounds: 1, control: 'untold' }),
    halved: await soak(['before-switch'], { ...withReleases, rounds: 1, control: 'halved' }),
  }
}

/** What is done between the death and the next start. */
const controls = {
  /** Nothing: it is the next daemon that does not settle what was running. */
  unsettled: () => undefined,
  /** What was committed last is thrown away. */
  forgotten(world: World) {
    rmSync(world.path('state', 'state.db-wal'), { force: true })
  },
  /** Nobody is told any more of what has ended. */
  untold(world: World) {
    using database = new DatabaseSync(world.path('state', 'state.db'))
    database.exec('delete from reports')
  },
  /** A file of what is live is gone. */
  halved(world: World) {
    rmSync(world.path('srv/blog/current/built.html'))
  },
} satisfies Record<string, (world: World) => void>
type Control = keyof typeof controls

type Way = { readonly tree: string; readonly app: Omit<WorldApp, 'steps'> }
type Soaked = Way & { readonly told: Told; readonly control?: Control | undefined }

const inPlace: Way = { tree: 'srv/blog', app: {} }
const health = { command: 'grep -qv sick index.html', interval: '50ms', retries: 0 }
const withReleases: Way = { tree: 'srv/blog/current', app: { strategy: 'releases', keep: 0, health } }

async function soak(
  named: readonly string[],
  { rounds, control, ...way }: Way & { readonly rounds: number; readonly control?: Control },
): Promise<readonly string[]> {
  await using world = await openWorld({ blog: { steps: ['true'] } }, { start: false })
  await using told = await openTold()
  const witness = createWitness(world.path())
  const steps = [witness.step, '! grep -q broken index.html', 'cp index.html built.html']
  await world.configure({ blog: { ...way.app, steps, notify: told.notify } })
  await told.addTo(world)
  await world.start()
  await world.done(await world.ship({ 'index.html': 'before' }))
  await told.settled(world)
  await end(world, 'SIGTERM')

  const problems: string[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const stage of named) {
      const found = await dieAt(stage, world, { ...way, told, control })
      problems.push(...found.map((problem) => `${stage}, round ${round}: ${problem}`))
    }
  }
  return [...problems, ...witness.overlaps(), ...told.problems(world)]
}

async function dieAt(stage: string, world: World, { tree, told, control }: Soaked): Promise<readonly string[]> {
  const dying = await world.start({ DEPLOYHOOK_FAILPOINT: stage })
  const before = await newestOf(world)
  const [isSick, isBroken] = [stage.endsWith('-rollback'), stage.endsWith('-tell')]
  const old = await world.read(tree, 'built.html')
  const text = `${isSick ? 'sick' : isBroken ? 'broken' : 'well'} ${randomUUID()}`
  const pushed = await world.repository().push({ 'index.html': text })
  const id = randomUUID()
  const answer = await world.deliver(pushed, { id }).catch(() => null)
  const ending = await Promise.race([dying.ended, sleep(30_000, 'nothing', { ref: false })])
  if (ending !== 'SIGKILL') {
    await end(world, 'SIGKILL')
    return [`it did not die there, but ended with ${ending}`]
  }
  if (control !== undefined) controls[control](world)
  const live = tree.endsWith('current') ? await world.read(tree, 'built.html').catch(String) : old
  const halfMade = live === old || live === text ? [] : [`dead, it left ${live} live`]

  await world.start(control === 'unsettled' ? { NODE_OPTIONS: `--import=${withoutSettling}` } : {})
  const isKept = (await newestOf(world)) > before
  const lost = answer !== null && !isKept ? ['an acknowledged push was lost'] : []
  if (!isKept) await world.deliver(pushed, { id })
  const done = await doneOrNot(before + 1, { world, withinMs: control === undefined ? 45_000 : 5_000 })
  if (done.state !== 'done') {
    await end(world, 'SIGKILL')
    return [...lost, ...halfMade, `deployment ${done.id} is still ${done.state}`]
  }
  await told.settled(world)
  // What failed is meant to be deployed again when it is delivered again.
  const redelivered = isBroken
    ? null
    : ((await world.deliver(pushed, { id })).body as { readonly result: string }).result
  const newest = await newestOf(world)
  const expected = isSick ? 'rolled_back' : isBroken ? 'failed' : 'succeeded'
  const found = {
    outcome: done.outcome === expected ? expected : `${done.outcome ?? '?'}: ${done.message ?? ''}`,
    revision: done.revision,
    built: await world.read(tree, 'built.html'),
    checkedOut: await world.read(tree, 'index.html'),
    redelivered,
    deployments: newest - before,
    told: told.endsOf(done.id).join(', '),
    left: processesOf(world.dir).filter(({ pid }) => pid !== world.daemon.pid).length,
  }
  const wanted: typeof found = {
    outcome: expected,
    revision: pushed.after as typeof found.revision,
    built: isSick || isBroken ? old : text,
    checkedOut: isSick ? old : text,
    redelivered: isBroken ? null : 'duplicate',
    deployments: 1,
    told: expected,
    left: 0,
  }
  await end(world, 'SIGTERM')
  const wrong = (Object.keys(wanted) as (keyof typeof found)[]).filter((name) => found[name] !== wanted[name])
  return [
    ...lost,
    ...halfMade,
    ...wrong.map((name) => `${name} is ${String(found[name])}, not ${String(wanted[name])}`),
  ]
}

/** As it is once it is done, or else in the end. */
async function doneOrNot(
  id: number,
  { world, withinMs }: { readonly world: World; readonly withinMs: number },
): Promise<Deployment> {
  const isDone = async (): Promise<boolean> => (await world.deployment(id)).state === 'done'
  await until(`deployment ${id} to be done`, isDone, { withinMs }).catch(() => undefined)
  return world.deployment(id)
}

async function newestOf(world: World): Promise<number> {
  const { deployments } = (await world.daemon.api('/api/deployments?limit=1')).body as {
    readonly deployments: readonly { readonly id: number }[]
  }
  return deployments[0]?.id ?? 0
}

async function end(world: World, signal: NodeJS.Signals): Promise<void> {
  world.daemon.kill(signal)
  await world.daemon.ended
}

const withoutSettling = pathToFileURL(`${import.meta.dirname}/without-settling.ts`).href

if (import.meta.main) {
  const rounds = given(2, 25)
  const problems = [...(await soakStages(rounds)), ...(await soakReleaseStages(rounds))]
  const control = await controlStages()
  const kills = rounds * (stages.length + releaseStages.length)
  const isSeen = Object.values(control).every((seen) => seen.length > 0)
  console.log(
    JSON.stringify({ stages: stages.length + releaseStages.length, rounds, kills, problems, control }, null, 2),
  )
  console.log(
    `${problems.length} problems in ${kills} kills (none: at most ${upperBound(kills)}); each control was ${isSeen ? '' : 'not '}seen`,
  )
  process.exitCode = problems.length === 0 && isSeen ? 0 : 1
}
