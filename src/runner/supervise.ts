import { endFound, processesOf, signalProcesses, type Process } from './processes.ts'
import type { Stop } from './runner.ts'
import { stopReason } from './stop.ts'

export type Exit = { readonly exitCode: number | null; readonly signal: string | null }

export type Supervised = {
  /** The command's first process, which leads a session and a process group of its own. */
  readonly leader: Process
  readonly cookie: string | null
  /** Resolves when the leader ends: not when its pipes close, which a background child can keep open for ever. */
  readonly exited: Promise<Exit>
  /** Resolves when its output can no longer be taken in. */
  readonly outputFailed: Promise<unknown>
  readonly signal: AbortSignal
  readonly timeoutMs: number | null
  readonly graceMs: number
}

export type Ending =
  | { readonly kind: 'exit'; readonly exit: Exit; readonly leftovers: number }
  /** `output`: what it wrote could not be taken in. */
  | { readonly kind: 'stopped'; readonly why: Stop | 'limit' | 'output'; readonly leftovers: number }

/** Watches over a command until it has ended, by itself or by us, and nothing that it started is alive. */
export async function supervise(command: Supervised): Promise<Ending> {
  const { leader, cookie, exited, graceMs } = command
  const find = () => processesOf(leader, cookie)
  const group = leader.pid

  const first = await whatComesFirst(command)
  if (first.kind === 'exit') {
    const ended = await endFound(find, { group, settleMs, graceMs: Math.min(graceMs, leftoverGraceMs) })
    return { ...first, leftovers: ended.length }
  }
  signalProcesses(find(), 'SIGTERM', group)
  const ended = await endFound(find, { group, settleMs: graceMs, graceMs: 0 })
  // A process stuck in the kernel, or another user's, may outlive even SIGKILL: the deployment does not wait for it.
  if (!find().some(({ pid }) => pid === leader.pid)) await exited
  return { ...first, leftovers: ended.filter(({ pid }) => pid !== leader.pid).length }
}

/** A filter such as `tee` reads its input to the end after the command is gone: it is not a leftover yet. */
const settleMs = 300

const leftoverGraceMs = 2_000

type First =
  { readonly kind: 'exit'; readonly exit: Exit } | { readonly kind: 'stopped'; readonly why: Stop | 'limit' | 'output' }

async function whatComesFirst({ exited, outputFailed, signal, timeoutMs }: Supervised): Promise<First> {
  const over = new AbortController()
  const aborted = new Promise<Stop>((resolve) => {
    if (signal.aborted) resolve(stopReason(signal))
    signal.addEventListener(
      'abort',
      () => {
        resolve(stopReason(signal))
      },
      { once: true, signal: over.signal },
    )
  })
  try {
    return await Promise.race([
      exited.then((exit): First => ({ kind: 'exit', exit })),
      aborted.then((why): First => ({ kind: 'stopped', why })),
      afterLimit(timeoutMs, over.signal).then((why): First => ({ kind: 'stopped', why })),
      outputFailed.then((): First => ({ kind: 'stopped', why: 'output' })),
    ])
  } finally {
    over.abort()
  }
}

/** Timers of Node are monotonic, and count at most 2^31 - 1 ms (24.8 days): a longer limit ends there. */
function afterLimit(timeoutMs: number | null, over: AbortSignal): Promise<'limit'> {
  return new Promise((resolve) => {
    if (timeoutMs === null) return
    const timer = setTimeout(resolve, Math.min(timeoutMs, 2 ** 31 - 1), 'limit')
    over.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
      },
      { once: true },
    )
  })
}
