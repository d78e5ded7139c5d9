import { userInfo } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Served } from './cli/io.ts'
import type { ServeOptions } from './cli/locations.ts'
import { createCatchUp } from './catch-up.ts'
import { loadDeployMap, parseListen, watchDeployMap } from './config/index.ts'
import { createExplain } from './explain.ts'
import { openHttp, SocketTaken } from './http/index.ts'
import { createIngest, type IngestDeps } from './ingest.ts'
import { createLedger } from './ledger.ts'
import { systemClock } from './lib/clock.ts'
import { failPointFrom } from './lib/fail-point.ts'
import { createLog } from './lib/log.ts'
import { realPath } from './lib/real-path.ts'
import { listenToSignals } from './lib/stop-signal.ts'
import { createNotifier } from './lib/systemd.ts'
import type { DeployMap, Listen } from './model/deploy-map.ts'
import { createLiveMap, type Reading } from './reload.ts'
import { createRunCommand, runQuietly } from './runner/exec.ts'
import { createRunner } from './runner/index.ts'
import type { Stop } from './runner/runner.ts'
import { createWorkspace } from './runner/git-workspace.ts'
import { createSimulate } from './simulate.ts'
import { createRefusals, createStrays, openStore, StoreError } from './store/index.ts'
import { createWorker } from './worker.ts'

/** What the process lends the daemon. */
export type Host = { readonly process: NodeJS.Process; readonly version: string }

const shutdownGraceMs = 60_000
const maxAttempts = 2
const ledgerMs = 60_000

/** Runs the daemon until a signal ends it. What is wrong around it (deploy.yml, state, address) is a value, with its cure. */
export async function startApp(options: ServeOptions, host: Host): Promise<Served> {
  try {
    return await serve(options, host)
  } catch (error) {
    if (!isOfTheSurroundings(error)) throw error
    return { kind: 'cannot_start', problem: error.message }
  }
}

/** Builds every part, starts them in order, waits for the signal, and stops them in reverse. */
async function serve(options: ServeOptions, { process, version }: Host): Promise<Served> {
  const { stateDirectory, socket } = options
  const { env, pid } = process
  const clock = systemClock
  const startedAt = clock.now()
  const log = createLog(process.stdout, env['DEPLOYHOOK_LOG_LEVEL'])
  const failPoint = failPointFrom(env)
  const path = env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'
  const read = (): Promise<Reading> => readDeployMap(options, process)
  await using opened = new AsyncDisposableStack()

  // Watched from before it is read, so that no edit falls in between.
  const watching = new AbortController()
  const up = Promise.withResolvers<undefined>()
  const onChange = (): void => void up.promise.then(reloadQuietly)
  watchDeployMap(options.configFile, { signal: watching.signal, onChange })
  opened.defer(() => {
    watching.abort()
  })

  const first = await read()
  if (first.kind === 'refused') return { kind: 'cannot_start', problem: first.problems.join('\n') }

  // Removed last: a signal during the closing must not end the process half closed.
  let forgetSignals = (): void => undefined
  opened.defer(() => {
    forgetSignals()
  })
  const store = await openStore(stateDirectory, { log, failPoint, clock })
  opened.defer(() => store.close())

  const onSwap = (): void => {
    worker.wake()
    catchUp.wake()
  }
  const live = createLiveMap(first, { read, store, clock, log, onSwap, retryMs: 1_000, signal: watching.signal })
  const { map, reload, state: config } = live
  const run = createRunCommand({ directory: `${stateDirectory}/work` })
  const networkEnv = networkEnvOf(env)
  const workspace = createWorkspace({
    stateDirectory,
    run,
    failPoint,
    path,
    networkEnv,
    localPaths: () => localPaths(map()),
  })
  const runner = createRunner({ stateDirectory, stateId: store.stateId, workspace, run, failPoint, user: userOf(env) })
  const worker = createWorker({ store, runner, map, realPath, clock, log, failPoint, retryMs: 1_000 })
  const { draining } = worker
  const refusals = createRefusals()
  const strays = createStrays()
  const onRefused: IngestDeps['onRefused'] = ({ receivedAt: at, webhook, remoteAddress }, reason, providerId) => {
    refusals.record({ at, webhook, remoteAddress, reason, providerId })
  }
  const ingest = createIngest({ store, map, clock, log, failPoint, onRefused })
  const catchingUp = new AbortController()
  const catchUp = createCatchUp({
    ...{ store, workspace, found: ingest.found, map, clock, log, signal: catchingUp.signal },
    monotonic: () => performance.now(),
    random: Math.random,
  })
  opened.defer(() => {
    catchingUp.abort('interrupted' satisfies Stop)
    return catchUp.settled()
  })
  const explain = createExplain({ store, map, realPath, refusals, strays, config, clock, catchUp: catchUp.state })
  const simulate = createSimulate({ store, map, realPath, clock })
  const http = await openHttp({
    ...{ map, store, realPath, ingest, worker, reload, config, explain, simulate, refusals, strays, draining },
    catchUp: catchUp.state,
    ...{ startedAt, version, clock, log, failPoint },
  })
  opened.defer(() => http.close())

  const { address } = await http.listen({ public: listenOf(options, map()), socket })
  log.info({ address, socket, config: options.configFile, state: stateDirectory, version }, 'listening')
  for (const warning of first.warnings) log.warn({ warning }, 'deploy map')

  const notifier = createNotifier({
    env,
    pid,
    log,
    run: (argv, given) => runQuietly(argv, { env: given, timeoutMs: 5_000 }),
  })
  const stop = listenToSignals(process, { onAgain: worker.interrupt, onHangup: () => void reloadAndTell() })
  forgetSignals = stop.forget
  await notifier.ready()

  const ledger = createLedger({ store, map, clock, log, signal: stop.signal, retryMs: ledgerMs })
  const pruning = setInterval(() => {
    ledger.wake()
  }, ledgerMs).unref()
  opened.defer(() => {
    clearInterval(pruning)
    return ledger.settled()
  })

  await settleThePast()
  ledger.wake()
  if (!stop.signal.aborted) {
    worker.start()
    catchUp.start()
  }
  up.resolve(undefined)

  await stop.asked
  log.info(
    { graceMs: shutdownGraceMs },
    'stopping: nothing new is started, deliveries are still kept; once more to interrupt',
  )
  catchingUp.abort('interrupted' satisfies Stop)
  const drained = worker.drain(shutdownGraceMs) // ends the claiming at once
  await notifier.stopping()
  await drained
  return { kind: 'stopped' }

  /** Before anything runs: what an earlier daemon left running is ended, and what it left unsettled is settled. */
  async function settleThePast(): Promise<void> {
    const leftovers = await runner.endLeftovers()
    if (leftovers > 0) log.warn({ processes: leftovers }, 'ended what an earlier daemon left running')
    const at = clock.now()
    const recovered = await store.recover({
      onInterrupt: (app) => map().apps.get(app)?.onInterrupt ?? 'gone',
      maxAttempts,
      at,
    })
    for (const { id, app, state, outcome, reason } of recovered) {
      log.warn(
        { deployment: id, app, state, outcome, reason },
        'recovered a deployment that an earlier daemon left running',
      )
    }
    await store.reconcile({ apps: map().apps, at })
  }

  async function reloadAndTell(): Promise<void> {
    await notifier.reloading()
    await reloadQuietly()
    await notifier.ready()
  }

  /** Nobody waits for the answer: what the store could not take is logged, and is settled by the next reload or start. */
  async function reloadQuietly(): Promise<void> {
    try {
      await reload()
    } catch (error) {
      log.error({ err: error }, 'the queue could not follow the new deploy map')
    }
  }
}

async function readDeployMap(options: ServeOptions, process: NodeJS.Process): Promise<Reading> {
  const { configFile, stateDirectory } = options
  const uid = process.geteuid?.() ?? 0
  const loaded = await loadDeployMap(configFile, { env: process.env, uid, stateDirectory })
  if (loaded.kind === 'refused') return { kind: 'refused', problems: loaded.problems.map(({ text }) => text) }
  return { kind: 'loaded', map: loaded.map, warnings: loaded.warnings.map(({ text }) => text) }
}

function listenOf({ listen }: ServeOptions, map: DeployMap): Listen {
  if (listen === null) return map.server.listen
  const parsed = parseListen(listen)
  if ('problem' in parsed) throw new CannotStart(`--listen ${parsed.problem}`)
  return parsed
}

/** The repositories on this host that git may read although another user owns them: exactly those of deploy.yml. */
function localPaths(map: DeployMap): readonly string[] {
  const local = [...map.apps.values()].filter(({ repo }) => repo.protocol === 'file')
  return local.map(({ repo: { url } }) => (url.startsWith('/') ? url : fileURLToPath(url)))
}

/** What of the daemon's own environment git may see on its way to a remote: proxies and authorities. */
function networkEnvOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const proxies = ['HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()])
  const names = [...proxies, 'GIT_SSL_CAINFO', 'GIT_SSL_CAPATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR']
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

function userOf(env: NodeJS.ProcessEnv): { readonly name: string; readonly home: string } {
  const { username, homedir } = userInfo()
  return { name: username, home: env['HOME'] ?? homedir }
}

class CannotStart extends Error {
  override readonly name = 'CannotStart'
}

/** Errors whose message tells an operator what to mend; the rest are ours. */
function isOfTheSurroundings(error: unknown): error is Error {
  if (error instanceof CannotStart || error instanceof StoreError || error instanceof SocketTaken) return true
  return error instanceof Error && 'syscall' in error && error.syscall === 'listen'
}
