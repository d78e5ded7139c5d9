import { lookup } from 'node:dns'
import { stat } from 'node:fs/promises'
import { openFloor } from './app/disk.ts'
import { createDoctor } from './app/doctor.ts'
import { recordIn } from './app/record-in.ts'
import { settleThePast } from './app/settle-the-past.ts'
import { isOfTheSurroundings, isWorthAnotherStart, listenOf, readDeployMap, searchPathOf } from './app/surroundings.ts'
import { notifierOf, tellStatus } from './app/tell-status.ts'
import type { Served } from './cli/io.ts'
import type { ServeOptions } from './cli/locations.ts'
import { createAgain } from './again.ts'
import { createCatchUp } from './catch-up.ts'
import { watchDeployMap } from './config/index.ts'
import { createExplain } from './explain.ts'
import { openHttp, type HttpDeps } from './http/index.ts'
import { createIngest } from './ingest.ts'
import { createLedger } from './ledger.ts'
import { systemClock, systemMonotonic } from './lib/clock.ts'
import { createClockWatch } from './lib/clock-watch.ts'
import { failPointFrom } from './lib/fail-point.ts'
import { createLog } from './lib/log.ts'
import { realPath } from './lib/real-path.ts'
import { listenToSignals } from './lib/stop-signal.ts'
import { surviveUnstarted } from './lib/unstarted.ts'
import { letYoungSpaceGrow } from './lib/young-space.ts'
import { createSender } from './outbox.ts'
import { localPaths } from './model/local-paths.ts'
import type { Notify } from './model/report.ts'
import { createLiveMap, type Reading } from './reload.ts'
import { openCgroups } from './runner/cgroups.ts'
import { createRunCommand } from './runner/exec.ts'
import { createExecutors, executorProblem } from './runner/executors.ts'
import { handoverOf, networkEnvOf, userOf } from './runner/host-env.ts'
import { systemdOf } from './runner/health/index.ts'
import { createRunner } from './runner/index.ts'
import { createRunReport } from './runner/report-command.ts'
import type { Stop } from './runner/runner.ts'
import { createWorkspace } from './runner/git-workspace.ts'
import { createSimulate } from './simulate.ts'
import { createRefusals, createStrays, openStore, type StoreError } from './store/index.ts'
import { createUpkeep } from './upkeep.ts'
import { startWatchdog } from './watchdog.ts'
import { createWorker } from './worker.ts'

/** What the process lends the daemon. */
export type Host = { readonly process: NodeJS.Process; readonly version: string }

const shutdownGraceMs = 60_000
const ledgerMs = 60_000
const watchMs = 15_000
const againMs = 2_000
const youngBytes = 16 * 1024 * 1024
const statusMs = 1_000

/** Runs the daemon until a signal ends it. What is wrong around it (deploy.yml, state, address) is a value, with its cure. */
export async function startApp(options: ServeOptions, host: Host): Promise<Served> {
  try {
    return await serve(options, host)
  } catch (error) {
    if (!isOfTheSurroundings(error)) throw error
    if (isWorthAnotherStart(error)) return { kind: 'failed', problem: error.message }
    return { kind: 'cannot_start', problem: error.message }
  }
}

/** Builds every part, starts them in order, waits for the signal, and stops them in reverse. */
async function serve(options: ServeOptions, { process, version }: Host): Promise<Served> {
  const { stateDirectory, socket } = options
  const { env } = process
  const clock = systemClock
  const startedAt = clock.now()
  const log = await createLog(process.stdout, env['DEPLOYHOOK_LOG_LEVEL'])
  const failPoint = failPointFrom(env)
  const read = (): Promise<Reading> => readDeployMap(options, process)
  await using opened = new AsyncDisposableStack()
  opened.defer(surviveUnstarted(process, log))

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
  // An app that has left the map while it runs is told of all the same.
  const notify = (name: string): readonly Notify[] =>
    (live.map().apps.get(name) ?? worker.runningApp(name))?.notify ?? []
  const store = await openStore(stateDirectory, { log, failPoint, clock, notify })
  opened.defer(() => store.close())

  const onSwap = (): void => {
    worker.wake()
    sender.wake()
    catchUp.wake()
  }
  const live = createLiveMap(first, { read, store, clock, log, onSwap, retryMs: 1_000, signal: watching.signal })
  const { map, reload, state: config } = live
  const { stateId } = store
  const cgroups = openCgroups({ stateId, log })
  opened.defer(() => {
    cgroups.close()
  })
  const run = createRunCommand({ directory: `${stateDirectory}/work`, cgroups })
  const workspace = createWorkspace({
    ...{ stateDirectory, run, failPoint, clock, log, path: searchPathOf(env) },
    networkEnv: networkEnvOf(env),
    localPaths: () => localPaths(map()),
  })
  const [ending, sending, catchingUp] = [new AbortController(), new AbortController(), new AbortController()]
  const { hasJumped: clockJumped } = createClockWatch({ clock, monotonic: systemMonotonic, log })
  const ledger = createLedger({ store, map, clock, clockJumped, log, signal: ending.signal, retryMs: ledgerMs })
  const { floor, diskProblems } = openFloor({ map, stateDirectory, ledger })
  const [user, uid] = [userOf(env), process.getuid?.() ?? 0]
  const executors = createExecutors({ stateDirectory, stateId, user, uid, log })
  const unusable = await executorProblem(first.map, executors)
  if (unusable !== null) return { kind: 'cannot_start', problem: unusable }
  const runner = createRunner({
    ...{ stateDirectory, stateId, workspace, run, failPoint, user, floor, clock, cgroups },
    ...{ executors, uid, handover: handoverOf(env, stateId), systemd: systemdOf(env, uid) },
  })
  const worker = createWorker({ store, runner, map, realPath, clock, log, failPoint, retryMs: 1_000 })
  const { draining } = worker
  const runReport = createRunReport(run, { stateId, user })
  const sender = createSender({
    ...{ store, map, clock, clockJumped, log, lookup, run: runReport, failPoint, random: Math.random },
    ...{ signal: sending.signal, retryMs: 1_000 },
  })
  const again = createAgain({
    ...{ store, floor, stateDirectory, map, clock, log, signal: ending.signal, everyMs: againMs },
  })
  const [refusals, strays] = [createRefusals(), createStrays()]
  const ingest = createIngest({ store, map, clock, log, failPoint, onRefused: recordIn(refusals) })
  const upkeep = createUpkeep({
    ...{ store, mirrors: workspace.mirrors, map, diskProblems, random: Math.random, log, signal: catchingUp.signal },
  })
  opened.defer(() => upkeep.settled()) // once that signal, below, has ended it
  const catchUp = createCatchUp({
    ...{ store, workspace, found: ingest.found, map, clock, log, signal: catchingUp.signal },
    ...{ monotonic: systemMonotonic, random: Math.random },
  })
  opened.defer(() => {
    catchingUp.abort('interrupted' satisfies Stop)
    return catchUp.settled()
  })
  const explain = createExplain({
    ...{ store, map, realPath, refusals, strays, config, clock, catchUp: catchUp.state, diskProblems },
  })
  const simulate = createSimulate({ store, map, realPath, clock })
  let isStuck = (): boolean => false
  const health: HttpDeps['health'] = () => ({
    reasons: isStuck() || worker.isStuck() ? ['stuck'] : [],
    warnings: clockJumped() ? ['clock_jumped'] : [],
  })
  const doctor = createDoctor({
    ...{ options, process, map, read, store, workspace, floor, refusals, health, draining, user, shutdownGraceMs },
  })
  const http = await openHttp({
    ...{ map, store, realPath, ingest, worker, reload, config, explain, simulate, sender, refusals, strays, draining },
    ...{ runner, health, diskProblems, startedAt, version, clock, log, failPoint },
    ...{ catchUp: catchUp.state, wakeCatchUp: catchUp.wake, doctor },
  })
  opened.defer(() => http.close())

  const notifier = notifierOf(process, log)
  // Before anybody is told that it listens: a signal must never find it deaf.
  const stop = listenToSignals(process, { onAgain: worker.interrupt, onHangup: () => void reloadAndTell() })
  forgetSignals = stop.forget

  const { address } = await http.listen({ public: listenOf(options, map(), process), socket })
  log.info({ address, socket, config: options.configFile, state: stateDirectory, version }, 'listening')
  for (const warning of first.warnings) log.warn({ warning }, 'deploy map')

  await notifier.ready()
  const everyMs = Math.min(watchMs, (notifier.watchdogMs ?? Infinity) / 2)
  const watchdog = startWatchdog({ store, worker, notifier, lookAtFile: () => stat(stateDirectory), log, everyMs })
  isStuck = watchdog.isStuck
  opened.defer(watchdog.stop)

  let telling: Promise<void> | null = null
  const pruning = setInterval(() => {
    ledger.wake()
  }, ledgerMs).unref()
  opened.defer(async () => {
    clearInterval(pruning)
    ending.abort()
    await Promise.all([ledger.settled(), again.settled(), telling])
  })

  // What is being sent is cut off, and sent again by the next start.
  opened.defer(() => {
    sending.abort()
    return sender.settled()
  })

  const goingOn = await settleThePast({ store, runner, map, clock, log })
  telling = tellStatus({ store, notifier, log, signal: ending.signal, everyMs: statusMs })
  ledger.wake()
  sender.start()
  if (!stop.signal.aborted) {
    worker.start(goingOn)
    for (const part of [catchUp, upkeep, again]) part.start()
  }
  up.resolve(undefined)
  opened.use(letYoungSpaceGrow({ mostBytes: youngBytes }))

  const failure = await Promise.race([stop.asked, store.failed])
  if (failure !== undefined) return { kind: 'failed', problem: await endNow(failure) }
  log.info(
    { graceMs: shutdownGraceMs },
    'stopping: nothing new is started, deliveries are still kept; once more to interrupt',
  )
  catchingUp.abort('interrupted' satisfies Stop)
  const drained = worker.drain(shutdownGraceMs) // ends the claiming at once
  await notifier.stopping()
  await drained
  return { kind: 'stopped' }

  /** Nothing can be recorded any more: what runs is ended, and the next start settles it. Meanwhile deliveries get 503. */
  async function endNow(failure: StoreError): Promise<string> {
    log.error({ err: failure }, 'the store cannot be trusted any more: ending, to be started again')
    const drained = worker.drain(shutdownGraceMs)
    worker.interrupt()
    await drained
    return failure.message
  }

  async function reloadAndTell(): Promise<void> {
    await notifier.reloading()
    await reloadQuietly()
    await notifier.ready()
  }

  /** Nobody waits for the answer; what it comes to is in the log. */
  async function reloadQuietly(): Promise<void> {
    await reload().catch((error: unknown) => {
      log.error({ err: error }, 'deploy.yml could not be read anew')
    })
  }
}
