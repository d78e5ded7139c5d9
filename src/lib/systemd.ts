import type { Log } from './log.ts'

/** What the daemon tells systemd about itself. Each resolves when it is told, or could not be; none throws. */
export type Notifier = {
  ready(): Promise<void>
  reloading(): Promise<void>
  stopping(): Promise<void>
  /** One line for people: what `systemctl status` shows. */
  status(text: string): Promise<void>
  /** All is well: the unit's watchdog starts counting anew. */
  alive(): Promise<void>
  /** What `WatchdogSec=` of the unit says; null: systemd does not watch. */
  readonly watchdogMs: number | null
}

export type NotifierDeps = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Of the daemon. */
  readonly pid: number
  /** Runs a command with exactly the environment given; rejects if it fails or takes too long. */
  readonly run: (argv: readonly [string, ...string[]], env: Readonly<Record<string, string>>) => Promise<void>
  readonly log: Pick<Log, 'warn'>
}

/**
 * Speaks sd_notify (https://www.freedesktop.org/software/systemd/man/sd_notify.html) when NOTIFY_SOCKET is set, else
 * does nothing. Node cannot send a datagram to a Unix socket, so the program `systemd-notify` does; as it is another
 * process than the daemon's main one, the unit needs `NotifyAccess=all`. Told in the order of the calls.
 */
export function createNotifier({ env, pid, run, log }: NotifierDeps): Notifier {
  const socket = env['NOTIFY_SOCKET']
  const watchdogMs = Math.floor(Number(env['WATCHDOG_USEC'] ?? 0) / 1000) || null
  let told = Promise.resolve()
  let hasWarned = false

  return {
    ready: () => tell('READY=1'),
    // Type=notify-reload wants the time too, on the clock that Node's hrtime reads.
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => tell('STOPPING=1'),
    status: (text) => tell(`STATUS=${text}`),
    alive: () => (watchdogMs === null ? Promise.resolve() : tell('WATCHDOG=1')),
    watchdogMs,
  }

  function tell(...assignments: readonly string[]): Promise<void> {
    if (socket === undefined || socket === '') return Promise.resolve()
    told = told.then(() => send(assignments, socket)).catch(warnOnce)
    return told
  }

  function send(assignments: readonly string[], notifySocket: string): Promise<void> {
    // It waits until systemd has read them: of a process that is gone by then, systemd might not know whose it was.
    const argv = ['systemd-notify', `--pid=${pid}`, '--', ...assignments] as const
    return run(argv, { PATH: env['PATH'] ?? '/usr/bin:/bin', NOTIFY_SOCKET: notifySocket })
  }

  function warnOnce(error: unknown): void {
    if (hasWarned) return
    hasWarned = true
    log.warn({ err: error, socket }, 'systemd could not be notified; is systemd-notify installed?')
  }
}

/**
 * The sockets that a `.socket` unit opened for this process, as descriptors; none if its variables mean another process.
 * sd_listen_fds: https://www.freedesktop.org/software/systemd/man/sd_listen_fds.html
 */
export function handedOver(env: Readonly<Record<string, string | undefined>>, pid: number): readonly number[] {
  if (Number(env['LISTEN_PID']) !== pid) return []
  const count = Number(env['LISTEN_FDS'])
  return Number.isInteger(count) && count > 0
    ? Array.from({ length: count }, (_, index) => firstHandedOver + index)
    : []
}

const firstHandedOver = 3
