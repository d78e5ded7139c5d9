import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { isScarcity } from '../lib/scarcity.ts'
import { cgroupOf, type Cgroup } from './cgroup.ts'

/** A process as it was seen; `startedAt` (clock ticks since boot) tells it from a later one with the same pid. */
export type Process = {
  readonly pid: number
  /** Its parent: 1, or a subreaper, once the one that started it has ended. */
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly startedAt: number
}

/** The variable by which the descendants of a command are found, wherever they went. */
export const cookieName = 'DEPLOYHOOK_COOKIE'

/**
 * Ends every process whose cookie starts with `cookiePrefix`, but for those with one of `spared`, and whoever is in
 * `cgroup`: SIGTERM, the grace, SIGKILL. Says how many there were. What cannot be ended (another user's, or stuck in the kernel) is given up after 5 s.
 */
export async function endProcesses(
  cookiePrefix: string,
  { graceMs, spared = new Set(), cgroup = cgroupOf([]) }: EndOptions,
): Promise<number> {
  const isMeant = (pid: number) => {
    const cookie = cookieOf(pid)
    return cookie?.startsWith(cookiePrefix) === true && !spared.has(cookie)
  }
  const find = () => {
    const live = liveProcesses()
    const members = cgroup.pids()
    const found = live.filter(({ pid }) => members.has(pid) || isMeant(pid))
    return { found, isSure: isListed(members, found) && !live.some(isStarting) }
  }
  return (await endFound(find, { group: null, cgroup, settleMs: 0, graceMs })).length
}

export type EndOptions = {
  readonly graceMs: number
  readonly spared?: ReadonlySet<string>
  readonly cgroup?: Pick<Cgroup, 'pids' | 'kill'>
}

/** Whether each of `pids` is one of `processes`: one that is not has begun in between, or just ended. */
export function isListed(pids: ReadonlySet<number>, processes: Iterable<Process>): boolean {
  return pids.isSubsetOf(new Set(Array.from(processes, ({ pid }) => pid)))
}

/** What was found at one look. */
export type Look = {
  readonly found: readonly Process[]
  /** false: there was one of which nothing could be told at that moment. */
  readonly isSure: boolean
}

/**
 * Ends what `find` finds, looking afresh each time so that no pid is signalled that was not just seen to be meant:
 * `settleMs` to end by itself, SIGTERM, `graceMs`, then SIGKILL until nothing is left, for at most 5 s.
 * Returns those that did not end by themselves.
 */
export async function endFound(
  find: () => Look,
  { group, cgroup, settleMs, graceMs }: Ending,
): Promise<readonly Process[]> {
  const ended = new Map<string, Process>()
  const left = async (withinMs: number) => {
    const found = await waitUntilGone(find, withinMs)
    for (const one of found) ended.set(`${one.pid} ${one.startedAt}`, one)
    return found
  }

  let found = await left(settleMs)
  signalProcesses(found, 'SIGTERM', group)
  if (found.length > 0) found = await left(graceMs)
  for (let round = 0; found.length > 0 && round < killRounds; round++) {
    cgroup.kill()
    signalProcesses(found, 'SIGKILL', group)
    found = await left(killRoundMs)
  }
  cgroup.kill() // Whoever began at the very last look.
  return [...ended.values()]
}

export type Ending = {
  /** A process group that is meant as a whole. */
  readonly group: number | null
  /** A cgroup that is meant as a whole. */
  readonly cgroup: Pick<Cgroup, 'kill'>
  readonly settleMs: number
  readonly graceMs: number
}

const killRoundMs = 50
const killRounds = 100

/** `group` gets one signal as a whole, which no fork in it can outrun; whoever is found outside of it gets its own. */
export function signalProcesses(found: readonly Process[], signal: 'SIGTERM' | 'SIGKILL', group: number | null): void {
  if (group !== null && found.some((one) => one.group === group)) send(-group, signal)
  for (const one of found) if (one.group !== group) send(one.pid, signal)
}

/** A child just started as leader of its own session; where /proc hides it, every process counts as younger. */
export function processStartedAs(pid: number): Process {
  return readStat(pid)?.process ?? { pid, parent: process.pid, group: pid, session: pid, startedAt: 0 }
}

/** Everything that runs on the machine but this process, or that of `among`, as far as /proc shows it. */
export function liveProcesses(among: readonly (string | number)[] = readdirSync('/proc')): readonly Process[] {
  return among.flatMap((name) => {
    const pid = Number(name)
    const stat = Number.isInteger(pid) && pid !== process.pid ? readStat(pid) : null
    return stat === null || stat.state === 'Z' || stat.state === 'X' ? [] : [stat.process]
  })
}

/** The cookie that a process was started with; null: it has none, or its environment is not ours to read. */
export function cookieOf(pid: number): string | null {
  const start = `\0${cookieName}=`
  const environment = `\0${readProc(`/proc/${pid}/environ`) ?? ''}\0`
  const at = environment.indexOf(start)
  return at < 0 ? null : environment.slice(at + start.length, environment.indexOf('\0', at + start.length))
}

/**
 * In the middle of an execve: for that instant it has neither arguments nor an environment, so that its cookie cannot
 * be read. One without an environment still has arguments, and a kernel thread has no session.
 */
export function isStarting({ pid, session }: Process): boolean {
  return session !== 0 && readProc(`/proc/${pid}/cmdline`) === ''
}

/** /proc/PID/stat: see proc_pid_stat(5). The name, in parentheses, may itself hold spaces and parentheses. */
function readStat(pid: number): { readonly process: Process; readonly state: string } | null {
  const text = readProc(`/proc/${pid}/stat`)
  if (text === null) return null
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const number = (field: number) => Number(fields[field - 3])
  const seen = { pid, parent: number(4), group: number(5), session: number(6), startedAt: number(22) }
  return { state: fields[0] ?? '', process: seen }
}

/** Read at once, not awaited: between look and signal nothing else gets its turn, and it takes microseconds. */
function readProc(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isScarcity(error)) throw error // It may well be there.
    return null // Ended meanwhile, or another user's.
  }
}

function send(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Ended meanwhile, or another user's: whoever asked looks again.
  }
}

/**
 * Looks until `find` surely finds nothing or the time is up, more and more rarely; returns what it found last. Who is
 * just starting is waited for even when there is no time.
 */
async function waitUntilGone(find: () => Look, withinMs: number): Promise<readonly Process[]> {
  const begunAt = performance.now()
  let last: Look = { found: [], isSure: false }
  for (let pause = 5; ; pause = Math.min(pause * 2, 50)) {
    last = lookIfPossible(find) ?? { found: last.found, isSure: false }
    const { found, isSure } = last
    const remaining =
      begunAt + (found.length > 0 || isSure ? withinMs : Math.max(withinMs, startingMs)) - performance.now()
    if ((found.length === 0 && isSure) || remaining <= 0) return found
    await wait(Math.min(pause, remaining))
  }
}

/** null: the system allows no further open file just now, so that /proc cannot be read. */
export function lookIfPossible(find: () => Look): Look | null {
  try {
    return find()
  } catch (error) {
    if (isScarcity(error)) return null
    throw error
  }
}

/** An execve takes microseconds, and longer on a machine that has no core left for it. */
const startingMs = 1_000
