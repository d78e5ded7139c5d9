import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { openWorld, processesOf, type World } from '../support/open-world.ts'
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

/**
 * Lets the daemon die by SIGKILL at each named stage of a push, `rounds` times, and starts it again. Tells what does not
 * hold then: a push that is live once, and nothing doubled, lost, half done or left running. The daemon's state goes on
 * from death to death.
 */
export async function soakStages(rounds: number): Promise<readonly string[]> {
  await using world = await openWorld({ blog: { steps: ['true'] } }, { start: false })
  const witness = createWitness(world.path())
  await world.configure({ blog: { steps: [witness.step, 'cp index.html built.html'] } })
  await world.start()
  await world.done(await world.ship({ 'index.html': 'before' }))
  await end(world, 'SIGTERM')

  const problems: string[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const stage of stages) {
      problems.push(...(await dieAt(stage, world)).map((problem) => `${stage}, round ${round}: ${problem}`))
    }
  }
  return [...problems, ...witness.overlaps()]
}

async function dieAt(stage: string, world: World): Promise<readonly string[]> {
  const dying = await world.start({ DEPLOYHOOK_FAILPOINT: stage })
  const before = await newestOf(world)
  const text = randomUUID()
  const pushed = await world.repository().push({ 'index.html': text })
  const id = randomUUID()
  const answer = await world.deliver(pushed, { id }).catch(() => null)
  const ending = await Promise.race([dying.ended, sleep(30_000, 'nothing', { ref: false })])
  if (ending !== 'SIGKILL') {
    await end(world, 'SIGKILL')
    return [`it did not die there, but ended with ${ending}`]
  }

  await world.start()
  const isKept = (await newestOf(world)) > before
  const lost = answer !== null && !isKept ? ['an acknowledged push was lost'] : []
  if (!isKept) await world.deliver(pushed, { id })
  const done = await world.done(before + 1)
  const again = (await world.deliver(pushed, { id })).body as { readonly result: string }
  const newest = await newestOf(world)
  const found = {
    outcome: done.outcome === 'succeeded' ? 'succeeded' : `${done.outcome ?? '?'}: ${done.message ?? ''}`,
    revision: done.revision,
    built: await world.read('srv/blog/built.html'),
    checkedOut: await world.read('srv/blog/index.html'),
    redelivered: again.result,
    deployments: newest - before,
    left: processesOf(world.dir).filter(({ pid }) => pid !== world.daemon.pid).length,
  }
  const wanted: typeof found = {
    outcome: 'succeeded',
    revision: pushed.after as typeof found.revision,
    built: text,
    checkedOut: text,
    redelivered: 'duplicate',
    deployments: 1,
    left: 0,
  }
  await end(world, 'SIGTERM')
  const wrong = (Object.keys(wanted) as (keyof typeof found)[]).filter((name) => found[name] !== wanted[name])
  return [...lost, ...wrong.map((name) => `${name} is ${String(found[name])}, not ${String(wanted[name])}`)]
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
  const rounds = Number(process.argv[2] ?? 25)
  const problems = await soakStages(rounds)
  console.log(JSON.stringify({ stages: stages.length, rounds, problems }, null, 2))
  if (problems.length > 0) process.exitCode = 1
}
