import { userInfo } from 'node:os'
import type { Served } from './cli/io.ts'
import type { ServeOptions } from './cli/locations.ts'
import { loadDeployMap, watchDeployMap } from './config/index.ts'
import { createExplain } from './explain.ts'
import { openHttp } from './http/index.ts'
import { createIngest } from './ingest.ts'
import { systemClock } from './lib/clock.ts'
import { failPointFrom } from './lib/fail-point.ts'
import { createLog, type Log } from './lib/log.ts'
import { realPath } from './lib/real-path.ts'
import { createNotifier } from './lib/systemd.ts'
import type { DeployMap } from './model/deploy-map.ts'
import { createLiveMap, type Reading } from './reload.ts'
import { createRunCommand, runQuietly } from './runner/exec.ts'
import { createRunner } from './runner/index.ts'
import { createWorkspace } from './runner/workspace-git.ts'
import { openStore } from './store/index.ts'
import { createRefusals } from './store/refusals.ts'
import { createWorker } from './worker.ts'

/** What the process lends the daemon. */
export type Host = { readonly process: NodeJS.Process; readonly version: string }

const shutdownGraceMs = 60_000
const maxAttempts = 2

/** Builds every part, starts them in order, serves until a signal ends it, and stops them in reverse. */
export async function startApp(options: ServeOptions, { process, version }: Host): Promise<Served> {
  const { env } = process
  const log = createLog(process.stdout, env['DEPLOYHOOK_LOG_LEVEL'])
  const clock = systemClock
  const failPoint = failPointFrom(env)
  const { stateDirectory } = options
  await using opened = new AsyncDisposableStack()
  return { kind: 'stopped' }
}
