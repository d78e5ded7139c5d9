import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What /proc and the state directory say of a daemon at one moment: nothing of it is its own word. */
export type Vitals = {
  readonly atMs: number
  readonly rssBytes: number
  readonly threads: number
  /** Where its open descriptors lead, sorted. */
  readonly descriptors: readonly string[]
  /** Numbers of the processes that it started, and of those that have ended and were not asked how. */
  readonly children: readonly number[]
  readonly zombies: readonly number[]
  /** Files below `work/`, where nothing outlives a command but pipes that wait for the next. */
  readonly workFiles: number
  readonly databaseBytes: number
}

export function vitalsOf(pid: number, state: string): Vitals {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const number = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
  const children = childrenOf(pid)
  const work = join(state, 'work')
  return {
    atMs: performance.now(),
    rssBytes: number('VmRSS') * 1024,
    threads: number('Threads'),
    descriptors: readdirSync(`/proc/${pid}/fd`)
      .flatMap((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
      .sort(),
    children: children.map((child) => child.pid),
    zombies: children.filter((child) => child.state === 'Z').map((child) => child.pid),
    workFiles: existsSync(work) ? filesBelow(work) : 0,
    databaseBytes: ['state.db', 'state.db-wal']
      .map((name) => sizeOf(join(state, name)))
      .reduce((sum, size) => sum + size),
  }
}

/** What the daemon had at rest, before and after the load, and under it. */
export type Course = {
  readonly before: Vitals
  readonly after: Vitals
  /** In order, the warm-up left out. */
  readonly underLoad: readonly Vitals[]
}

/**
 * Bytes that memory has grown by from the first moment to the last: as Theil and Sen have it, the median of the slopes
 * of all pairs of bottoms, so that no single one decides.
 */
export function growthOf(samples: readonly Sample[]): number {
  const bottoms = bottomsOf(samples)
  const slopes = bottoms.flatMap((one, at) =>
    bottoms.slice(at + 1).map((other) => (other.rssBytes - one.rssBytes) / (other.atMs - one.atMs)),
  )
  return (median(slopes) ?? 0) * ((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0))
}

/** The least memory in each of 20 parts of the time: there the sawtooth of the heap comes near to what is alive. */
export function bottomsOf(samples: readonly Sample[]): readonly Sample[] {
  const firstMs = samples[0]?.atMs ?? 0
  const partMs = ((samples.at(-1)?.atMs ?? 0) - firstMs) / parts
  return Map.groupBy(samples, ({ atMs }) => Math.min(parts - 1, Math.floor((atMs - firstMs) / partMs)))
    .values()
    .map((part) => part.reduce((least, one) => (one.rssBytes < least.rssBytes ? one : least)))
    .toArray()
}

type Sample = Pick<Vitals, 'atMs' | 'rssBytes'>

const parts = 20

/** Everything that has grown, or was left behind: a sentence each. */
export function leaksIn(
  { before, after, underLoad }: Course,
  { maxGrowthBytes }: { readonly maxGrowthBytes: number },
): readonly string[] {
  const problems: string[] = []
  const grown = growthOf(underLoad)
  if (grown > maxGrowthBytes)
    problems.push(`memory has grown by ${mebibytes(grown)} MiB under load, more than ${mebibytes(maxGrowthBytes)}`)
  if (after.descriptors.length > before.descriptors.length)
    problems.push(
      `open descriptors at rest: ${after.descriptors.length}, ${before.descriptors.length} before; new: ${newIn(after, before)}`,
    )
  if (after.threads > before.threads) problems.push(`threads at rest: ${after.threads}, ${before.threads} before`)
  if (after.workFiles > before.workFiles)
    problems.push(`files below work/ at rest: ${after.workFiles}, ${before.workFiles} before`)
  if (after.children.length > 0) problems.push(`children at rest: ${after.children.join(', ')}`)
  const unasked = underLoad.flatMap(({ zombies }, at) =>
    zombies.filter((pid) => underLoad[at + 1]?.zombies.includes(pid)),
  )
  if (unasked.length > 0) problems.push(`zombies at two looks in a row: ${[...new Set(unasked)].join(', ')}`)
  return problems
}

/** Whether nothing is open or runs any more but what was open before. */
export function isBackAt(before: Vitals, now: Vitals): boolean {
  return leaksIn({ before, after: now, underLoad: [] }, { maxGrowthBytes: Infinity }).length === 0
}

export function mebibytes(bytes: number): number {
  return Math.round((bytes / 2 ** 20) * 10) / 10
}

export function median(values: readonly number[]): number | undefined {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
}

/** How often each place is led to more often than before, the most first. */
function newIn(after: Vitals, before: Vitals): string {
  const place = (target: string): string => target.replace(/\d+/g, 'N')
  const counts = new Map<string, number>()
  for (const target of after.descriptors) counts.set(place(target), (counts.get(place(target)) ?? 0) + 1)
  for (const target of before.descriptors) counts.set(place(target), (counts.get(place(target)) ?? 0) - 1)
  const more = [...counts].filter(([, count]) => count > 0).toSorted(([, one], [, other]) => other - one)
  return more.map(([target, count]) => `${count} × ${target}`).join(', ')
}

function childrenOf(parent: number): readonly { readonly pid: number; readonly state: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const [state, from] = textOf(`/proc/${pid}/stat`).replace(/.*\) /s, '').split(' ')
      return Number(from) === parent ? [{ pid: Number(pid), state: state ?? '' }] : []
    })
}

function linkOf(path: string): readonly string[] {
  try {
    return [readlinkSync(path)]
  } catch {
    return [] // closed meanwhile
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // ended meanwhile
  }
}

/** Pipes are made 16 at a time, by each command that finds none; a dozen may begin at the same moment. */
const mostWaiting = 12 * 17

function filesBelow(directory: string): number {
  try {
    const names = readdirSync(directory, { recursive: true }).map(String)
    const waiting = names.filter((name) => name.startsWith('pipe-')).length
    return names.length - Math.min(waiting, mostWaiting)
  } catch {
    return 0 // something went while it was looked at
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
