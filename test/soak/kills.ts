import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { Pushed } from '../support/repository.ts'
import { openWorld, type World } from '../support/open-world.ts'
import { given } from './given.ts'
import { openTold } from './told.ts'
import { upperBound } from './upper-bound.ts'
import { broken, createWitness, missingFrom, type Acknowledged } from './witness.ts'

export type KillsReport = {
  readonly kills: number
  /** Of them, those before which something was acknowledged since the one before: the others have nothing new to lose. */
  readonly cycles: number
  /** Of the kills, while it was still starting. */
  readonly duringStart: number
  readonly acknowledged: number
  /** What does not hold; each a sentence. */
  readonly problems: readonly string[]
}

/**
 * Kills the daemon with SIGKILL at random moments while signed pushes arrive, starts it again at once, and looks at the
 * end whether everything it ever acknowledged is there, settled, live and told. The moments follow from `seed`.
 *
 * `lose: 'log'` is the negative control: after each kill what was committed last is thrown away, as if the answer had
 * gone out before the commit. A harness that does not see that sees nothing.
 */
export async function soakKills(
  kills: number,
  { seed = 1, lose }: { readonly seed?: number; readonly lose?: 'log' } = {},
): Promise<KillsReport> {
  await using world = await openWorld({}, { start: false })
  await using told = await openTold()
  const witness = createWitness(world.path())
  const app = { steps: [witness.step, 'test "$(cat mood)" = well'], notify: told.notify }
  await world.configure(Object.fromEntries(names.map((name) => [name, { ...app, repository: `acme/${name}` }])))
  await told.addTo(world)
  if (lose === 'log') await beginFile(world)
  const acknowledged: Acknowledged[] = []
  const problems: string[] = []
  let newest = await pushAll(world, 'well')
  let duringStart = 0
  let cycles = 0

  for (const [kill, moment] of fc.sample(death, { numRuns: kills, seed }).entries()) {
    if (kill % 10 === 5) newest = await pushAll(world, kill % 20 === 5 ? 'sick' : 'well')
    const seen = acknowledged.length
    const lives = await live(world, { ...moment, newest, acknowledged })
    if (!lives) duringStart++
    if (acknowledged.length > seen) cycles++
    if (lose === 'log') rmSync(world.path('state', 'state.db-wal'), { force: true })
    if (kill % 10 === 9 || lose === 'log') {
      await world.start()
      const missing = missingFrom(world, lose === 'log' ? acknowledged.slice(seen) : acknowledged.slice(-5_000))
      problems.push(...missing.map((id) => `delivery ${id} was acknowledged and is not there`))
      world.daemon.kill('SIGKILL')
      await world.daemon.ended
    }
  }

  newest = await pushAll(world, 'well')
  await world.start()
  for (const [name, pushed] of newest) await deliver(world, { name, pushed, acknowledged })
  const tips = new Map([...newest].map(([name, { after }]) => [name, after]))
  problems.push(...(await broken(world, { acknowledged, tips, told })), ...witness.overlaps())
  return { kills, cycles, duringStart, acknowledged: acknowledged.length, problems: [...new Set(problems)] }
}

/** A database of which nothing has reached its file yet does not open without its log. */
async function beginFile(world: World): Promise<void> {
  await world.start()
  world.daemon.kill('SIGTERM')
  await world.daemon.ended
}

const names = ['blog', 'shop'] as const

/** On a slow machine most of those that are counted from when it listens come before the first answer. */
const death = fc.oneof(
  { weight: 2, arbitrary: fc.record({ since: fc.constant('listening' as const), afterMs: fc.nat(200) }) },
  { weight: 3, arbitrary: fc.record({ since: fc.constant('answer' as const), afterMs: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ since: fc.constant('birth' as const), afterMs: fc.nat(800) }) },
)

/** A sick one fails in its last step. */
async function pushAll(world: World, mood: 'well' | 'sick'): Promise<ReadonlyMap<string, Pushed>> {
  const pushes = names.map(
    async (name) => [name, await world.repository(`acme/${name}`).push({ now: randomUUID(), mood })] as const,
  )
  return new Map(await Promise.all(pushes))
}

type Life = {
  /** From when the time to its death is counted: its birth, when it listens, or when it first answers. */
  readonly since: 'birth' | 'listening' | 'answer'
  readonly afterMs: number
  readonly newest: ReadonlyMap<string, Pushed>
  readonly acknowledged: Acknowledged[]
}

/** One life of the daemon, with as many pushes as it can take. Answers whether it got to listen. */
async function live(world: World, { afterMs, since, newest, acknowledged }: Life): Promise<boolean> {
  const isEarly = since === 'birth'
  const daemon = await world
    .start({}, isEarly ? { onSpawn: (child) => void sleep(afterMs).then(() => child.kill('SIGKILL')) } : {})
    .catch(() => null)
  if (daemon === null) return false
  const known = acknowledged.length
  const answered = Promise.withResolvers<undefined>()
  const reached =
    since === 'answer' ? Promise.race([answered.promise, sleep(60_000, undefined, { ref: false })]) : Promise.resolve()
  if (!isEarly)
    void reached
      .then(() => sleep(afterMs))
      .then(() => {
        daemon.kill('SIGKILL')
      })
  let isAlive = true
  const died = daemon.ended.then(() => (isAlive = false))
  const senders = [...newest].flatMap(([name, pushed]) =>
    [1, 2].map(async () => {
      while (isAlive) {
        await deliver(world, { name, pushed, acknowledged }).catch(() => undefined)
        if (acknowledged.length > known) answered.resolve(undefined)
      }
    }),
  )
  await Promise.all([died, ...senders])
  return true
}

async function deliver(
  world: World,
  { name, pushed, acknowledged }: { name: string; pushed: Pushed; acknowledged: Acknowledged[] },
): Promise<void> {
  const id = randomUUID()
  const { status, body } = await world.deliver(pushed, { id, repository: `acme/${name}`, message: id })
  if (status !== 202) throw new Error(`a push was answered ${status}`)
  const { deployments } = body as { readonly deployments: readonly { readonly id: number }[] }
  acknowledged.push({ id, deployments: deployments.map((deployment) => deployment.id) })
}

if (import.meta.main) {
  const report = await soakKills(given(2, 2_000), { seed: given(3, 1) })
  const control = await soakKills(8, { lose: 'log' })
  console.log(JSON.stringify({ ...report, control: control.problems.length }, null, 2))
  console.log(
    `${report.problems.length} problems in ${report.cycles} kills with something to lose (of ${report.kills})` +
      ` (none: at most ${upperBound(report.cycles)}), ${control.problems.length} of the control`,
  )
  process.exitCode = report.problems.length === 0 && control.problems.length > 0 ? 0 : 1
}
