import type { Log } from '../lib/log.ts'
import { pause } from '../lib/pause.ts'
import { createNotifier, type Notifier } from '../lib/systemd.ts'
import type { Deployment } from '../model/deployment.ts'
import { runQuietly } from '../runner/exec.ts'
import type { Store } from '../store/store.ts'

/** What tells the systemd that started this process, if one did. */
export function notifierOf({ env, pid }: NodeJS.Process, log: Pick<Log, 'warn'>): Notifier {
  return createNotifier({ env, pid, log, run: (argv, given) => runQuietly(argv, { env: given, timeoutMs: 5_000 }) })
}

export type TellStatusDeps = {
  readonly store: Pick<Store, 'queue' | 'changes'>
  readonly notifier: Pick<Notifier, 'status'>
  readonly log: Pick<Log, 'warn'>
  readonly signal: AbortSignal
  /** At least this long between two lines: each costs a process. */
  readonly everyMs: number
}

/** Keeps the line of `systemctl status` true: what is being deployed, and how much waits. Resolves with the signal. */
export async function tellStatus({ store, notifier, log, signal, everyMs }: TellStatusDeps): Promise<void> {
  const unfinished = new Map<number, Seen>()
  let told = ''
  let isTelling = false
  let telling = Promise.resolve()
  await follow()
  await telling

  async function follow(): Promise<void> {
    try {
      // Followed from before the queue is read, so that no change falls in between.
      const changes = store.changes(signal)
      const queue = await store.queue()
      unfinished.clear()
      for (const queued of queue) see(queued)
      wake()
      for await (const deployment of changes) {
        see(deployment)
        wake()
      }
    } catch (error) {
      if (signal.aborted) return
      log.warn({ err: error }, 'systemctl status does not tell what is being deployed; trying again')
      await pause(everyMs, signal)
      await follow()
    }
  }

  function see({ id, app, state }: Seen): void {
    if (state === 'done') unfinished.delete(id)
    else unfinished.set(id, { id, app, state })
  }

  function wake(): void {
    if (!isTelling) telling = tell()
  }

  async function tell(): Promise<void> {
    isTelling = true
    while (!signal.aborted && told !== statusLine(unfinished.values())) {
      told = statusLine(unfinished.values())
      await notifier.status(told)
      await pause(everyMs, signal)
    }
    isTelling = false
  }
}

type Seen = Pick<Deployment, 'id' | 'app' | 'state'>

const mostNamed = 3

/** `deploying blog (41), shop (42); 3 wait`, or `idle`. */
export function statusLine(unfinished: Iterable<Seen>): string {
  const all = [...unfinished]
  const running = all.filter(({ state }) => state === 'running')
  const waiting = all.length - running.length
  const names = running.slice(0, mostNamed).map(({ id, app }) => `${app} (${id})`)
  if (running.length > mostNamed) names.push(`${running.length - mostNamed} more`)
  const doing = names.length === 0 ? 'idle' : `deploying ${names.join(', ')}`
  return waiting === 0 ? doing : `${doing}; ${waiting} ${waiting === 1 ? 'waits' : 'wait'}`
}
