import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { openWorld, processesOf, type World, type WorldApp } from '../support/open-world.ts'
import { given } from './given.ts'
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
] as const

/** Those that only an app with releases has, or that matter more to one. */
export const releaseStages = [
  ...(['in-checkout', 'before-release', 'after-release', 'in-step', 'after-steps', 'after-seal'] as const),
  ...(['before-switch', 'after-switch', 'in-health', 'before-prune', 'after-prune', 'before-recording'] as const),
  ...(['before-rollback', 'in-rollback'] as const),
]

/**
 * Lets the daemon die by SIGKILL at each named stage of a push, `rounds` times, and starts it again. Tells what does not
 * hold then: a push that is live once, and nothing doubled, lost, half done or left running. The daemon's state goes on
 * from death to death.
 */
export async function soakStages(rounds: number): Promise<readonly string[]> {
  return soak(stages, { rounds, tree: 'srv/blog', app: {} })
}

/** The same with releases: `current` leads to a whole release at every instant, the old one or the new one. */
export async function soakReleaseStages(rounds: number): Promise<readonly string[]> {
  const health = { command: 'grep -qv sick index.html', interval: '50ms', retries: 0 }
  return soak(releaseStages, { rounds, tree: 'srv/blog/current', app: { strategy: 'releases', keep: 0, health } })
}

type Soaked = { readonly tree: string; readonly app: Omit<WorldApp, 'steps'> }

async function soak(
  named: readonly string[],
  { rounds, ...soaked }: Soaked & { readonly rounds: number },
): Promise<readonly string[]> {
  await using world = await openWorld({ blog: { steps: ['true'] } }, { start: false })
  const witness = createWitness(world.path())
  await world.configure({ blog: { ...soaked.app, steps: [witness.step, 'cp index.html built.html'] } })
  await world.start()
  await world.done(await world.ship({ 'index.html': 'before' }))
  await end(world, 'SIGTERM')

  const problems: string[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const stage of named) {
      problems.push(...(await dieAt(stage, world, soaked)).map((problem) => `${stage}, round ${round}: ${problem}`))
    }
  }
  return [...problems, ...witness.overlaps()]
}

async function dieAt(stage: string, world: World, { tree }: Soaked): Promise<readonly string[]> {
  const dying = await world.start({ DEPLOYHOOK_FAILPOINT: stage })
  const before = await newestOf(world)
  const isSick = stage.endsWith('-rollback')
  const old = await world.read(tree, 'built.html')
  const text = `${isSick ? 'sick' : 'well'} ${randomUUID()}`
  const pushed = await world.repository().push({ 'index.html': text })
  const id = randomUUID()
  const answer = await world.deliver(pushed, { id }).catch(() => null)
  const ending = await Promise.race([dying.ended, sleep(30_000, 'nothing', { ref: false })])
  if (ending !== 'SIGKILL') {
    await end(world, 'SIGKILL')
    return [`it did not die there, but ended with ${ending}`]
  }
  const live = tree.endsWith('current') ? await world.read(tree, 'built.html').catch(String) : old
  const halfMade = live === old || live === text ? [] : [`dead, it left ${live} live`]

  await world.start()
  const isKept = (await newestOf(world)) > before
  const lost = answer !== null && !isKept ? ['an acknowledged push was lost'] : []
  if (!isKept) await world.deliver(pushed, { id })
  const done = await world.done(before + 1)
  const again = (await world.deliver(pushed, { id })).body as { readonly result: string }
  const newest = await newestOf(world)
  const expected = isSick ? 'rolled_back' : 'succeeded'
  const found = {
    outcome: done.outcome === expected ? expected : `${done.outcome ?? '?'}: ${done.message ?? ''}`,
    revision: done.revision,
    built: await world.read(tree, 'built.html'),
    checkedOut: await world.read(tree, 'index.html'),
    redelivered: again.result,
    deployments: newest - before,
    left: processesOf(world.dir).filter(({ pid }) => pid !== world.daemon.pid).length,
  }
  const wanted: typeof found = {
    outcome: expected,
    revision: pushed.after as typeof found.revision,
    built: isSick ? old : text,
    checkedOut: isSick ? old : text,
    redelivered: 'duplicate',
    deployments: 1,
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

if (import.meta.main) {
  const rounds = given(2, 25)
  const problems = [...(await soakStages(rounds)), ...(await soakReleaseStages(rounds))]
  console.log(JSON.stringify({ stages: stages.length + releaseStages.length, rounds, problems }, null, 2))
  if (problems.length > 0) process.exitCode = 1
}
