import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { ServeOptions } from './cli/index.ts'
import { formatProblem, loadDeployMap, watchDeployMap } from './config/index.ts'
import { createExplain } from './explain.ts'
import { openHttp } from './http/index.ts'
import { createIngest } from './ingest.ts'
import { systemClock } from './lib/clock.ts'
import { failPointFrom } from './lib/fail-point.ts'
import type { Log } from './lib/log.ts'
import { realPath } from './lib/real-path.ts'
import { createNotifier } from './lib/systemd.ts'
import { createLiveMap, type Reading } from './reload.ts'
import { createRunCommand, runQuietly } from './runner/exec.ts'
import { createRunner } from './runner/index.ts'
import { createWorkspace } from './runner/workspace-git.ts'
import { createRefusals } from './store/refusals.ts'
import { openStore } from './store/index.ts'
import { createWorker } from './worker.ts'

/** What the process gives the daemon; `main.ts` passes the real ones. */
export type Host = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
  readonly version: string
  readonly log: Log
}

/** A running daemon. */
export type Daemon = {
  /** Where it listens: `http://127.0.0.1:9000` or `unix:/path`. */
  readonly address: string
  reload(): Promise<void>
  /** Stops claiming, lets what runs end within the shutdown grace, then closes everything in reverse order. */
  stop(): Promise<void>
  /** Does not wait for what runs: it is interrupted and re-queued. Hastens a `stop` under way. */
  interrupt(): void
}

/** Why the daemon cannot start: a fault of its surroundings (deploy.yml, state directory), with the cure. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart'
}

const shutdownGraceMs = 60_000
const maxAttempts = 2

/** Builds every part, starts them in order, and stops them in reverse. Throws `CannotStart`. */
export async function startApp(options: ServeOptions, host: Host): Promise<Daemon> {
  const { env, log } = host
  const clock = systemClock
  const failPoint = failPointFrom(env)
  await using opened = new AsyncDisposableStack()

  const read = (): Promise<Reading> => readDeployMap(options, host)
  const first = await read()
  if (first.kind === 'refused') throw new CannotStart(first.problems.join('\n'))

  const store = await openStore(options.stateDirectory, { log, failPoint })
  opened.defer(() => store.close())

  const run = createRunCommand({ directory: options.stateDirectory })
  const notifier = createNotifier({ env, run: (argv) => runQuietly(argv, { timeoutMs: 5_000 }), log })
  const live = createLiveMap(first, { read, store, clock, log, onSwap: () => { worker.wake() } })
  const workspace = createWorkspace({ stateDirectory: options.stateDirectory, run, failPoint, localPaths: () => localPaths(live.map()) })
  const runner = createRunner({ stateDirectory: options.stateDirectory, stateId: store.stateId, workspace, run, failPoint, user: userInfo() })
  const worker = createWorker({ store, runner, map: live.map, realPath, clock, log, failPoint, retryMs: 1_000 })
  const refusals = createRefusals()
}
