import { randomUUID } from 'node:crypto'
import { appendFileSync, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment } from '../../src/model/deployment.ts'
import { releaseName } from '../../src/model/release.ts'
import { parseRevision } from '../../src/model/revision.ts'
import { readMemory } from '../../src/runner/tree.ts'
import { openWorld, processesOf, type World } from '../support/open-world.ts'
import { until } from '../support/until.ts'
import { given } from './given.ts'
import { layTraps, type Kind, type FaultPoint, type Names, type Traps } from './inject.ts'
import { upperBound } from './upper-bound.ts'

export type FaultsReport = {
  /** Calls on files that one push and its deployment make. */
  readonly points: number
  /** Runs in which the call failed, by its kind. In the others it did not come to that call. */
  readonly failed: Readonly<Partial<Record<Kind, number>>>
  /** How the deployments ended in which a call failed. */
  readonly outcomes: Readonly<Record<string, number>>
  /** What does not hold; each a sentence. */
  readonly problems: readonly string[]
}

/** The ways to deploy, each with what its calls are for: a tree that is changed, or a release that is switched to. */
export const ways = {
  inPlace: { app: {}, tree: 'srv/blog' },
  releases: { app: { strategy: 'releases', keep: 0 }, tree: 'srv/blog/current' },
} as const
export type Way = keyof typeof ways

/**
 * Makes the Nth write, sync, rename, open and symlink of one push and its deployment fail, for every N or every `every`th:
 * in the daemon and in git; what a step calls is the step's own. After each, with the fault gone and nothing mended by
 * hand: what was acknowledged is there, what was pushed is live after one retry at most, and until then the tree was the
 * old one, the new one or known to be underway; with releases, `current` led to a whole release, the old one or the new one.
 *
 * `spoil` is the negative control: a file of what is live is changed behind the daemon's back before it is looked at.
 */
export async function soakFaults(
  way: Way,
  {
    every = 1,
    most = Infinity,
    spoil = false,
  }: { readonly every?: number; readonly most?: number; readonly spoil?: boolean },
): Promise<FaultsReport> {
  await using world = await openWorld(
    { blog: { ...ways[way].app, steps: ['cat index.html second.html > built.html'] } },
    { start: false },
  )
  const traps = layTraps(world)
  await world.start(traps.env)
  let text = ''
  const push = () => world.repository().push(contents((text = randomUUID())))
  await world.done(await world.ship(contents('first')))
  await world.done(await world.ship(contents('second'))) // the first makes what is then there
  const points = await traps.rehearse(async () => {
    const earlier = releasesOf(world)
    const { status } = await world.deliver(await push())
    if (status !== 202) throw new Error(`a push was answered ${status}`)
    await world.done(3)
    const made = way === 'releases' ? [basename(readlinkSync(world.path(ways[way].tree)))] : []
    return { deployment: 3, made, earlier }
  })

  /** Of each kind the first, and every `every`th after it. */
  const isChosen = ({ kind }: FaultPoint, index: number): boolean =>
    (index - points.findIndex((point) => point.kind === kind)) % every === 0
  const runs: Run[] = []
  for (const point of points.filter(isChosen).slice(0, most)) {
    runs.push(await failAt(point, { world, way, traps, spoil, old: text, text: (text = randomUUID()) }))
    if (import.meta.main) console.error(JSON.stringify({ way, ...runs.at(-1) }))
  }
  const hit = runs.filter(({ hasFailed }) => hasFailed)
  return {
    points: points.length,
    failed: countBy(hit, ({ point }) => point.kind),
    outcomes: countBy(hit, ({ outcome }) => outcome),
    problems: runs.flatMap(({ point, problems }) => problems.map((problem) => `${way}, ${shown(point)}: ${problem}`)),
  }
}

type Run = {
  readonly point: FaultPoint
  readonly hasFailed: boolean
  readonly outcome: string
  readonly tookMs: number
  readonly problems: readonly string[]
}

type Given = {
  readonly world: World
  readonly way: Way
  readonly traps: Traps
  readonly spoil: boolean
  /** What was pushed before, and is live. */
  readonly old: string
  readonly text: string
}

async function failAt(point: FaultPoint, { world, way, traps, spoil, old, text }: Given): Promise<Run> {
  const { tree } = ways[way]
  const startedAt = performance.now()
  const problems: string[] = []
  const pushed = await world.repository().push(contents(text))
  const id = randomUUID()
  const deployment = (await newestOf(world)) + 1
  const disarm = await traps.arm(point, { deployment, ...releaseNames(world, { way, revision: pushed.after }) })
  const answer = await world.deliver(pushed, { id }).catch(() => null)
  const isAcknowledged = answer?.status === 202
  const faulted = isAcknowledged ? await doneInThisLife(world, deployment) : null
  const hasFailed = await disarm()
  if (spoil) appendFileSync(world.path(tree, 'second.html'), 'spoiled')
  problems.push(...(await halfDone(world, { way, deployment: faulted, old, text })))

  if (hasFailed && point.kind === 'fsync' && point.place === 'main') {
    const ended = await Promise.race([world.daemon.ended, sleep(20_000, null, { ref: false })])
    if (ended === null) problems.push('it lives on although a sync of its database failed')
  }
  const lives = !(await hasEnded(world))
  if (!lives) await world.start(traps.env) // as systemd would
  if (isAcknowledged && (await newestOf(world)) < deployment) problems.push('an acknowledged push was lost')
  if (!isAcknowledged) await world.deliver(pushed, { id })
  const done = await world.done(deployment)
  if (done.outcome !== 'succeeded') problems.push(...(await retry(world, done)))
  problems.push(...differences(world, { tree, text }), ...(await liveProblems(world, pushed.after)))
  const left = processesOf(world.dir).filter(({ pid }) => pid !== world.daemon.pid)
  problems.push(...left.map(({ command }) => `left running: ${command}`))
  const first = isAcknowledged ? told(faulted ?? done) : `answered ${answer?.status ?? 'nothing'}`
  const outcome = lives ? first : `${first}, after a new start`
  return { point, hasFailed, outcome, tookMs: Math.round(performance.now() - startedAt), problems }
}

type Left = {
  readonly way: Way
  /** null: it is not done yet, or not there. */
  readonly deployment: Deployment | null
  readonly old: string
  readonly text: string
}

async function halfDone(world: World, { way, deployment, old, text }: Left): Promise<readonly string[]> {
  const { tree } = ways[way]
  const toNew = differences(world, { tree, text })
  const toOld = differences(world, { tree, text: old })
  if (deployment?.outcome === 'succeeded') return toNew.map((difference) => `said to be live: ${difference}`)
  if (way === 'inPlace') return deployment === null ? [] : between(world, { deployment, toOld, toNew })
  if (toNew.length === 0 || toOld.length === 0) return []
  return [`current leads to neither the old release nor the new one: ${toOld.join(', ')}`]
}

/** A tree that is neither old nor new, and that nobody knows of. What its step has made of it may be either. */
async function between(
  world: World,
  {
    deployment,
    toOld,
    toNew,
  }: { readonly deployment: Deployment; readonly toOld: readonly string[]; readonly toNew: readonly string[] },
): Promise<readonly string[]> {
  const { underway } = await readMemory(world.path('state/trees/blog.git'))
  const ofPush = (all: readonly string[]): readonly string[] => all.filter((one) => !one.startsWith('built.html'))
  const [old, now] = [ofPush(toOld), ofPush(toNew)] as const
  if (old.length === 0 || now.length === 0 || underway !== null) return []
  return [`${told(deployment)} left a tree between old and new: ${[...new Set([...now, ...old])].join(', ')}`]
}

function releasesOf(world: World): readonly string[] {
  const releases = world.path('srv/blog/releases')
  return existsSync(releases) ? readdirSync(releases).filter((name) => !name.startsWith('.')) : []
}

/** The release to come is called by the second in which it is begun. */
function releaseNames(
  world: World,
  { way, revision }: { readonly way: Way; readonly revision: string },
): Pick<Names, 'made' | 'earlier'> {
  const commit = parseRevision(revision)
  if (way === 'inPlace' || commit === null) return { made: [], earlier: [] }
  const now = Date.now()
  const made = Array.from({ length: 60 }, (_, second) => releaseName(new Date(now + second * 1_000), commit))
  return { made, earlier: releasesOf(world) }
}

async function retry(world: World, { id, outcome, reason }: Deployment): Promise<readonly string[]> {
  const problems = reason === null ? [`it ended ${outcome ?? '?'} without a reason`] : []
  const { status } = await world.daemon.api(`/api/deployments/${id}/retry`, { method: 'POST' })
  if (status >= 300) return [...problems, `trying again was answered ${status}`]
  const again = await world.done(await newestOf(world))
  return again.outcome === 'succeeded' ? problems : [...problems, `trying again ended ${told(again)}`]
}

function contents(text: string): Readonly<Record<string, string>> {
  return { 'index.html': text, 'second.html': text.repeat(1_000) }
}

/** What would have to be another there if that text were live. */
function differences(
  world: World,
  { tree, text }: { readonly tree: string; readonly text: string },
): readonly string[] {
  const pushed = contents(text)
  const wanted = { ...pushed, 'built.html': Object.values(pushed).join('') }
  return Object.entries(wanted).flatMap(([name, content]) => {
    const file = world.path(tree, name)
    const found = existsSync(file) ? readFileSync(file, 'utf8') : null
    return found === content ? [] : [`${name} is ${found === null ? 'missing' : 'not as pushed'}`]
  })
}

async function liveProblems(world: World, revision: string): Promise<readonly string[]> {
  const { apps } = (await world.daemon.api('/api/apps')).body as {
    readonly apps: readonly { readonly live: { readonly revision: string | null } }[]
  }
  const live = apps[0]?.live.revision ?? 'nothing'
  return live === revision ? [] : [`${live} is said to be live, ${revision} was pushed`]
}

/** The deployment once it is done; null when the daemon ends before. */
async function doneInThisLife(world: World, id: number): Promise<Deployment | null> {
  return until(`deployment ${id} to be done, or the daemon to end`, async () => {
    const deployment = await world.deployment(id).catch(() => null)
    if (deployment?.state === 'done') return { deployment }
    return (await hasEnded(world)) && { deployment: null }
  }).then(({ deployment }) => deployment)
}

async function hasEnded(world: World): Promise<boolean> {
  return (await Promise.race([world.daemon.ended, sleep(0, 'alive')])) !== 'alive'
}

async function newestOf(world: World): Promise<number> {
  return (await world.deployments())[0]?.id ?? 0
}

function told({ outcome, reason }: Deployment): string {
  return `${outcome ?? '?'}${reason === null ? '' : ` (${reason})`}`
}

function shown({ kind, place, nth, call }: FaultPoint): string {
  return `${typeof place === 'number' ? `git command ${place}` : `${place} thread`}, ${kind} ${nth} (${call})`
}

function countBy<T>(items: readonly T[], name: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const item of items) counts[name(item)] = (counts[name(item)] ?? 0) + 1
  return counts
}

if (import.meta.main) {
  const every = given(2, 1)
  let isProven = true
  for (const way of ['inPlace', 'releases'] as const) {
    const report = await soakFaults(way, { every })
    const control = await soakFaults(way, { most: 1, spoil: true })
    console.log(JSON.stringify({ way, ...report, control: control.problems }, null, 2))
    const hit = Object.values(report.failed).reduce((sum, count) => sum + count, 0)
    console.log(
      `${way}: ${report.problems.length} problems in ${hit} failed calls (none: at most ${upperBound(hit)}), ${control.problems.length} of the control`,
    )
    isProven &&= report.problems.length === 0 && control.problems.length > 0
  }
  process.exitCode = isProven ? 0 : 1
}
