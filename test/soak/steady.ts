import { existsSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import { openWorld, processesOf, type World } from '../support/open-world.ts'
import { unitEnvironment } from '../support/unit-environment.ts'
import { until } from '../support/until.ts'
import { given } from './given.ts'
import { faults, mostDice, type Fault } from './steady-faults.ts'
import { createStage, openReceiver, repositories, type Mood } from './steady-world.ts'
import { bottomsOf, growthOf, isBackAt, leaksIn, mebibytes, median, vitalsOf, type Vitals } from './vitals.ts'
import { broken } from './witness.ts'

export type SteadyReport = {
  readonly seed: number
  readonly seconds: number
  readonly pushes: number
  readonly acknowledged: number
  /** How often each was done. */
  readonly faults: Readonly<Partial<Record<Fault, number>>>
  /** From a push's first byte to its 202. */
  readonly answeredMs: { readonly median: number; readonly p99: number; readonly most: number }
  readonly memory: {
    /** Objects, once all garbage is collected. */
    readonly aliveMiB: readonly number[]
    readonly atRestMiB: readonly number[]
    readonly mostMiB: number
    readonly grownMiB: number
    readonly overHours: number
    /** The least in each twentieth of the time. */
    readonly bottomsMiB: readonly number[]
  }
  readonly descriptors: { readonly atRest: readonly number[]; readonly most: number }
  readonly threads: readonly number[]
  readonly databaseMiB: number
  /** What does not hold; each a sentence. */
  readonly problems: readonly string[]
}

export type SteadyOptions = {
  readonly seed?: number
  /** The negative control: a daemon that leaks (`plant-leak.ts`). */
  readonly leaks?: boolean
}

/**
 * Five signed pushes a second for so long, while all goes wrong that can go wrong around a daemon, and looks whether it
 * has as little in hand at the end as after the first half. What happens follows from `seed`, when from the machine.
 */
export async function soakSteady(
  seconds: number,
  { seed = 1, leaks = false }: SteadyOptions = {},
): Promise<SteadyReport> {
  await using world = await openWorld({}, { start: false })
  await using receiver = await openReceiver()
  const stage = createStage(world, { receiver: receiver.url, maxHistory })
  const { problems, acknowledged } = stage
  await stage.configure(0)
  const planted = leaks ? [plantGauge, plantLeak] : [plantGauge]
  const gauge = world.path('alive')
  await world.start({
    ...unitEnvironment(),
    ...{ NODE_OPTIONS: planted.map((file) => `--import=${file}`).join(' '), HEAP_GAUGE: gauge },
  })
  const vitals = (): Vitals => vitalsOf(world.daemon.pid, world.path('state'))

  const moments = fc.sample(moment, { numRuns: seconds * perSecond, seed })
  const warmUp = Math.floor(Math.min(moments.length / 2, longestWarmUpS * perSecond))
  for (const repository of repositories) await stage.push(repository, 'calm')
  await load(moments.slice(0, warmUp))
  const before = await rest()
  const aliveBefore = await alive()
  const startedAt = performance.now()
  const underLoad = await load(moments.slice(warmUp))
  const overHours = (performance.now() - startedAt) / 3_600_000
  const after = await rest(before)
  const aliveAfter = await alive()
  const [kept, mostKept] = [aliveAfter - aliveBefore, keptAllowed(overHours)]
  if (kept > mostKept)
    problems.push(`objects alive at rest: ${mebibytes(kept)} MiB more than before, not ${mebibytes(mostKept)}`)
  problems.push(...leaksIn({ before, after, underLoad }, { maxGrowthBytes: growthAllowed(overHours) }))

  for (const repository of repositories) await stage.push(repository, 'calm')
  problems.push(...stage.missing(), ...errorsIn(world))
  problems.push(...(await broken(world, { acknowledged: acknowledged.slice(-remembered), tips: stage.tips() })))
  problems.push(...stage.overlaps())
  const times = stage.answeredMs.toSorted((one, other) => one - other)
  return {
    seed,
    seconds,
    pushes: stage.answeredMs.length,
    acknowledged: acknowledged.length,
    faults: stage.struck,
    answeredMs: {
      median: Math.round(median(times) ?? 0),
      p99: Math.round(times[Math.floor(times.length * 0.99)] ?? 0),
      most: Math.round(times.at(-1) ?? 0),
    },
    memory: {
      aliveMiB: [aliveBefore, aliveAfter].map(mebibytes),
      atRestMiB: [before, after].map(({ rssBytes }) => mebibytes(rssBytes)),
      mostMiB: mebibytes(Math.max(...underLoad.map(({ rssBytes }) => rssBytes))),
      grownMiB: mebibytes(growthOf(underLoad)),
      overHours,
      bottomsMiB: bottomsOf(underLoad).map(({ rssBytes }) => mebibytes(rssBytes)),
    },
    descriptors: {
      atRest: [before, after].map(({ descriptors }) => descriptors.length),
      most: Math.max(...underLoad.map(({ descriptors }) => descriptors.length)),
    },
    threads: [before.threads, after.threads],
    databaseMiB: mebibytes(after.databaseBytes),
    problems: [...new Set(problems)],
  }

  /** Bytes of the objects that are left when all garbage is collected. */
  async function alive(): Promise<number> {
    process.kill(world.daemon.pid, 'SIGUSR2')
    const text = await until(
      'the objects to be counted',
      () => existsSync(gauge) && readFileSync(gauge, 'utf8'),
      patience,
    )
    rmSync(gauge)
    return Number(text)
  }

  /** Lets the moments come, five a second however long each takes. Answers what the daemon looked like meanwhile. */
  async function load(coming: readonly Moment[]): Promise<readonly Vitals[]> {
    const seen: Vitals[] = []
    const begunAt = performance.now()
    for (const [at, { repository, mood, fault, dice }] of coming.entries()) {
      await sleep(Math.max(0, begunAt + (at * 1000) / perSecond - performance.now()))
      stage.begin('push', () => stage.push(repository, mood))
      if (fault !== null) stage.strike(fault, { repository, dice })
      // One that comes late is none of its own.
      const isDue = performance.now() - (seen.at(-1)?.atMs ?? -Infinity) > sampleMs / 2
      if (at % (perSecond * (sampleMs / 1000)) === 0 && isDue) seen.push(vitals())
    }
    return seen
  }

  /** Until nothing is asked of the daemon, and it has no more in hand than at the rest before; what it has, it has. */
  async function rest(earlier?: Vitals): Promise<Vitals> {
    await stage.quieten()
    await getGlobalDispatcher().close()
    setGlobalDispatcher(new Agent())
    receiver.server.closeAllConnections()
    await until(
      'the queue to be empty',
      async () => {
        const counts = ['queued', 'running'].map((state) => world.deployments(`&state=${state}`))
        return (await Promise.all(counts)).flat().length === 0
      },
      patience,
    )
    if (earlier !== undefined) {
      // What leaks is waited for in vain.
      const waiting = leaks ? { ...patience, withinMs: 3_000 } : patience
      await until('what was opened to be closed', () => isBackAt(earlier, vitals()), waiting).catch(() => undefined)
      problems.push(...strangers(world).map((command) => `left running: ${command}`))
      return vitals()
    }
    return until(
      'a quiet daemon',
      async () => {
        const looks: Vitals[] = []
        for (let look = 0; look < 5; look++) {
          looks.push(vitals())
          await sleep(200)
        }
        return (
          new Set(looks.map(({ descriptors, threads }) => `${descriptors.length} ${threads}`)).size === 1 && vitals()
        )
      },
      patience,
    )
  }
}

const perSecond = 5
/** Deployments that hang and senders that are slow come to an end by themselves; the machine may have others to serve. */
const patience = { withinMs: 120_000, everyMs: 250 }
const sampleMs = 1000
/** So long V8 takes to fill what it allows itself, and to compile what is used often. */
const longestWarmUpS = 1800
/** Of deployments; what was acknowledged before those may be forgotten, and is looked for while it must be there. */
const maxHistory = 1_000
const remembered = 300

/**
 * Memory settles for some minutes after a start, and a heap is a sawtooth: what is shorter than 10 minutes is held to no
 * more than what a daemon may need at all. After that it is 6 MiB for each hour, and what two teeth of the saw differ by.
 */
function growthAllowed(hours: number): number {
  return (hours < 1 / 6 ? 150 : 12 + 6 * hours) * 2 ** 20
}

/** V8 learns about code for hours, which is kept among the objects: at first some MiB, later less than 200 bytes a push. */
function keptAllowed(hours: number): number {
  return (hours < 1 / 6 ? 8 : 3) * 2 ** 20
}

const plantGauge = pathToFileURL(`${import.meta.dirname}/plant-gauge.ts`).href
const plantLeak = pathToFileURL(`${import.meta.dirname}/plant-leak.ts`).href

const weighted = <T>(weight: number, value: T): fc.WeightedArbitrary<T> => ({ weight, arbitrary: fc.constant(value) })

const moment = fc.record({
  repository: fc.constantFrom(...repositories),
  mood: fc.oneof(
    weighted<Mood>(70, 'calm'),
    weighted<Mood>(10, 'failing'),
    weighted<Mood>(8, 'forking'),
    weighted<Mood>(8, 'loud'),
    weighted<Mood>(3, 'hanging'),
    weighted<Mood>(1, 'deaf'),
  ),
  fault: fc.oneof(weighted<Fault | null>(60, null), {
    weight: 40,
    arbitrary: fc.constantFrom<(Fault | null)[]>(...(Object.keys(faults) as Fault[])),
  }),
  dice: fc.nat(mostDice),
})
type Moment = typeof moment extends fc.Arbitrary<infer Value> ? Value : never

/** What runs in the world although it should not, besides its daemon. */
function strangers({ dir, daemon }: World): readonly string[] {
  return processesOf(dir).flatMap(({ pid, command }) => (pid === daemon.pid ? [] : [command]))
}

/** Its level in pino. */
const pinoError = 50

/** What the daemon itself calls an error. */
function errorsIn({ daemon }: World): readonly string[] {
  return daemon.log.flatMap(({ level, msg, err }) =>
    Number(level) >= pinoError ? [`logged: ${String(msg)} ${JSON.stringify(err)}`] : [],
  )
}

/** What the control leaks is objects and descriptors. */
export function isLeakSeen({ problems }: SteadyReport): boolean {
  return ['objects alive at rest', '/dev/null'].every((what) => problems.some((problem) => problem.includes(what)))
}

if (import.meta.main) {
  const seed = given(3, Date.now() % 1_000_000)
  console.log(`seed ${seed}`)
  const report = await soakSteady(given(2, 60) * 60, { seed })
  console.log(JSON.stringify(report, null, 2))
  const control = await soakSteady(20, { seed, leaks: true })
  console.log(JSON.stringify({ control: control.problems }, null, 2))
  process.exitCode = report.problems.length === 0 && isLeakSeen(control) ? 0 : 1
}
