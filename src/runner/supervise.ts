import { longestTimerMs } from '../lib/pause.ts'
import type { CommandResult } from './command.ts'
import type { Cgroup } from './cgroup.ts'
import { Detached } from './detached.ts'
import type { Kin } from './kin.ts'
import { endFound, lookIfPossible, signalProcesses, type Process } from './processes.ts'
import type { Stop } from './runner.ts'
import { stopReason } from './stop.ts'

export type Exit =
  { readonly kind: 'exited'; readonly exitCode: number } | { readonly kind: 'signalled'; readonly signal: string }

export type Supervised = {
  /** The command's first process, which leads a session and a process group of its own. */
  readonly leader: Process
  readonly kin: Kin
  readonly cgroup: Pick<Cgroup, 'kill'>
  /** What it leaves running when it ends with 0. */
  readonly background: 'kill' | 'keep'
  /** Resolves when the leader ends: not when its pipe closes, which a background child can keep open for ever. */
  readonly exited: Promise<Exit>
  /** Rejects when what it writes cannot be taken in. */
  readonly outputFailed: Promise<never>
  readonly signal: AbortSignal
  readonly timeoutMs: number | null
  readonly graceMs: number
  /** Leaves it as it is: it is not ended, and `Detached` is thrown. Never unless given. */
  readonly leave?: AbortSignal
}

/**
 * Watches over a command until it has ended, by itself or by us, and nothing that it started is alive, unless that is
 * to be kept. Throws what `outputFailed` throws, once the command is ended.
 */
export async function supervise(command: Supervised): Promise<CommandResult> {
  const first = await whatComesFirst(command).catch(async (error: unknown) => {
    if (!(error instanceof Detached)) await stop(command)
    throw error
  })
  if (first.kind === 'stopped') return { ...first, leftovers: await stop(command) }
  const isDone = first.kind === 'exited' && first.exitCode === 0
  return { ...first, leftovers: isDone && command.background === 'keep' ? 0 : await endLeftovers(command) }
}

async function endLeftovers({ leader, kin, cgroup, graceMs }: Supervised): Promise<number> {
  const patience = { settleMs, graceMs: Math.min(graceMs, leftoverGraceMs) }
  const ended = await endFound(kin, { group: leader.pid, cgroup, ...patience })
  return ended.length
}

/** A filter such as `tee` reads its input to the end after the command is gone: it is not a leftover yet. */
const settleMs = 1_000

const leftoverGraceMs = 2_000

/** SIGTERM for all of the command, the grace, SIGKILL; says how many others than its leader did not heed the first. */
async function stop({ leader, kin, cgroup, exited, graceMs }: Supervised): Promise<number> {
  const isLeader = ({ pid }: Process) => pid === leader.pid
  signalProcesses(lookIfPossible(kin)?.found ?? [leader], 'SIGTERM', leader.pid)
  const ended = await endFound(kin, { group: leader.pid, cgroup, settleMs: graceMs, graceMs: 0 })
  // A process stuck in the kernel, or another user's, may outlive even SIGKILL: the deployment does not wait for it.
  if (lookIfPossible(kin)?.found.some(isLeader) === false) await exited
  return ended.filter((process) => !isLeader(process)).length
}

type Stopped = { readonly kind: 'stopped'; readonly why: Stop | 'limit' }

async function whatComesFirst({
  kin,
  exited,
  outputFailed,
  signal,
  timeoutMs,
  leave,
}: Supervised): Promise<Exit | Stopped> {
  const over = new AbortController()
  const left = Promise.withResolvers<never>()
  const onLeave = () => {
    left.reject(new Detached())
  }
  if (leave?.aborted === true) onLeave()
  else leave?.addEventListener('abort', onLeave, { once: true, signal: over.signal })
  const stopped = new Promise<Stopped>((resolve) => {
    const onAbort = () => {
      resolve({ kind: 'stopped', why: stopReason(signal) })
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true, signal: over.signal })
    if (timeoutMs !== null) {
      const end = () => {
        // Timers come first when the daemon has stood still: what has ended meanwhile is to be seen before it is judged.
        setImmediate(resolve, { kind: 'stopped', why: 'limit' })
      }
      const timer = setTimeout(end, Math.min(timeoutMs, longestTimerMs))
      over.signal.addEventListener('abort', () => {
        clearTimeout(timer)
      })
    }
  })
  keepLooking(kin, over.signal)
  try {
    return await Promise.race([stopped, exited, outputFailed, left.promise])
  } finally {
    over.abort()
  }
}

/** Sees children before they can lose every mark: at first in quick succession, then for at most 2 % of the time. */
function keepLooking(kin: Kin, signal: AbortSignal): void {
  let pauseMs = firstLookMs
  let timer = setTimeout(look, pauseMs).unref()
  signal.addEventListener('abort', () => {
    clearTimeout(timer)
  })

  function look(): void {
    const startedAt = performance.now()
    lookIfPossible(kin)
    const restMs = (performance.now() - startedAt) * 50
    pauseMs = pauseMs < longestLookMs ? pauseMs * 2 : Math.max(longestLookMs, restMs)
    timer = setTimeout(look, pauseMs).unref()
  }
}

const firstLookMs = 25
const longestLookMs = 400
