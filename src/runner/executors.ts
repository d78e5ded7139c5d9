import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../lib/log.ts'
import type { App, DeployMap } from '../model/deploy-map.ts'
import { readProgram } from './exec.ts'
import { systemPath } from './environment.ts'
import { createUnits, type Units } from './in-unit.ts'
import { createServiceManager, type ServiceManager } from './service-manager.ts'
import { controllersFor, hasSandbox, type Controller } from './unit.ts'
import { readMounts, unitCgroupOf } from './unit-cgroup.ts'

/** What runs the commands of an app; `problem`: it names one that there is not, or limits that nobody would hold it to. */
export type Executor =
  | { readonly kind: 'process' }
  | { readonly kind: 'systemd'; readonly units: Units }
  | { readonly kind: 'problem'; readonly message: string }

export type Executors = {
  of(app: App): Promise<Executor>
  /** The units of this state directory, whatever app they are of; null: systemd cannot be asked. */
  units(): Promise<Units | null>
}

export const processOnly: Executors = {
  of: () => Promise.resolve({ kind: 'process' }),
  units: () => Promise.resolve(null),
}

export type ExecutorsOf = {
  readonly stateDirectory: string
  readonly stateId: string
  readonly user: { readonly name: string }
  readonly uid: number
  readonly log: Pick<Log, 'info'>
}

/** systemd is tried out when it is first asked for, and the log says what came of it. */
export function createExecutors({ log, ...deps }: ExecutorsOf): Executors {
  let tried: Promise<Found> | null = null
  const find = () => (tried ??= findSystemd(deps).then(told))

  return {
    async of(app) {
      if (app.executor === 'process') return { kind: 'process' }
      const found = await find()
      const message = problemOf(app, found)
      if (message !== null) return { kind: 'problem', message }
      return found.kind === 'found' ? { kind: 'systemd', units: found.units } : { kind: 'process' }
    },
    async units() {
      const found = await find()
      return found.kind === 'found' ? found.units : null
    },
  }

  function told(found: Found): Found {
    if (found.kind === 'found')
      log.info({ executor: 'systemd', manager: found.manager.kind }, 'steps run in units of systemd of their own')
    else log.info({ executor: 'process', why: found.why }, 'steps run as children of the daemon')
    return found
  }
}

/** Every app of a map that asks for what cannot be had here, a line each; null: there is none. */
export async function executorProblem({ apps }: Pick<DeployMap, 'apps'>, executors: Executors): Promise<string | null> {
  const problems: string[] = []
  for (const app of apps.values()) {
    const executor = await executors.of(app)
    if (executor.kind === 'problem') problems.push(`apps.${app.name}: ${executor.message}`)
  }
  return problems.length === 0 ? null : problems.join('\n')
}

type Found =
  | {
      readonly kind: 'found'
      readonly manager: ServiceManager
      readonly units: Units
      /** What it can hold a unit to. */
      readonly controllers: ReadonlySet<Controller>
    }
  | { readonly kind: 'none'; readonly why: string; readonly cure: string }

/** Of an app that wants systemd, or what only systemd can do; null: all that it asks for can be had. */
function problemOf(app: App, found: Found): string | null {
  if (found.kind === 'none') return notHad(app, found)
  if (wantsOf(app) === null) return null
  if (found.manager.kind === 'user' && hasSandbox(app)) return sandboxOfUser
  const missing = controllersFor(app).filter((name) => !found.controllers.has(name))
  if (missing.length === 0) return null
  return `limits cannot be had: systemd has no ${missing.join(' and ')} controller for its units here; ${
    found.manager.kind === 'user'
      ? 'see Delegate= of user@.service, or run deployhook as root'
      : 'see /proc/cgroups, or take them out'
  }`
}

const sandboxOfUser =
  "sandbox cannot be had from a user's own systemd: run deployhook as root (with run_as), or take it out"

function notHad(app: App, { why, cure }: Extract<Found, { kind: 'none' }>): string | null {
  const wanted = wantsOf(app)
  return wanted === null
    ? null
    : `${wanted} cannot be had: ${why}; ${wanted === 'executor: systemd' ? cure : cure.replace('use executor: process', 'take it out')}`
}

function wantsOf(app: App): string | null {
  if (app.executor === 'systemd') return 'executor: systemd'
  if (app.executor === 'process') return null
  if (hasSandbox(app)) return 'sandbox'
  return controllersFor(app).length > 0 ? 'limits' : null
}

/** The first release with ExitType=. */
const oldest = 250

async function findSystemd({ stateDirectory, stateId, ...who }: Omit<ExecutorsOf, 'log'>): Promise<Found> {
  const looked = await lookForSystemd(who)
  if (looked.kind === 'none') return looked
  const patient = (patience: { readonly timeoutMs?: number }) => {
    const manager = createServiceManager({ stateId, ...looked, ...patience })
    return { manager, units: createUnits({ manager, stateId, directory: join(stateDirectory, 'units') }) }
  }
  // A systemd that does not answer must not hold up the start until it is given up.
  const found = await tryOut({ ...patient({ timeoutMs: 15_000 }), stateId })
  return found.kind === 'found' ? { ...found, ...patient({}) } : found
}

type Who = Pick<ExecutorsOf, 'user' | 'uid'>

/** Whose systemd would be asked, if there is one. Starts nothing. */
async function lookForSystemd({ user, uid }: Who) {
  if (!existsSync('/run/systemd/system'))
    return none('this machine was not started by systemd', 'use executor: process')
  const version = await versionOfSystemd()
  if (version === null) return none('systemctl does not answer', 'install systemd, or use executor: process')
  if (version < oldest) return none(`systemd ${version} is too old`, `${oldest} is needed; or use executor: process`)
  const runtimeDirectory = uid === 0 ? null : `/run/user/${uid}`
  if (runtimeDirectory !== null && !existsSync(join(runtimeDirectory, 'systemd/private')))
    return none(
      `the user ${user.name} has no systemd of its own`,
      `loginctl enable-linger ${user.name} (and in deployhook.service also drop-ins/user-manager.conf, or it is hidden), or run deployhook as root (with run_as)`,
    )
  return { kind: 'looked', runtimeDirectory } as const
}

/** What `executorProblem` would say of these apps if a daemon of that user were started here, as far as a look can tell. */
export async function expectedProblems(apps: Iterable<App>, who: Who): Promise<readonly string[]> {
  const asking = [...apps].filter((app) => wantsOf(app) !== null)
  if (asking.length === 0) return []
  const looked = await lookForSystemd(who)
  return asking.flatMap((app) => {
    const message =
      looked.kind === 'none'
        ? notHad(app, looked)
        : looked.runtimeDirectory !== null && hasSandbox(app)
          ? sandboxOfUser
          : null
    return message === null ? [] : [`apps.${app.name}: ${message}`]
  })
}

/** One unit from its start to its end: whatever else is in the way is seen by it. */
async function tryOut({
  manager,
  units,
  stateId,
}: Pick<Extract<Found, { kind: 'found' }>, 'manager' | 'units'> & { readonly stateId: string }): Promise<Found> {
  const name = `deployhook-trial-${stateId}`
  const accounting = ['MemoryAccounting=yes', 'CPUAccounting=yes', 'CPUQuota=1000%', 'TasksAccounting=yes']
  const unit = { name, description: 'deployhook: a trial', properties: accounting, endsAfterMs: 60_000, isHeld: true }
  try {
    const result = await units.run(
      { argv: ['/bin/true'], cwd: '/', env: { PATH: systemPath }, unit },
      { signal: AbortSignal.timeout(30_000), timeoutMs: 20_000, graceMs: 1_000, onOutput: () => undefined },
    )
    if (result.kind !== 'exited' || result.exitCode !== 0) return none(whyNot(result), 'use executor: process')
    const cgroup = (await manager.look(name))?.cgroup ?? ''
    const controllers = unitCgroupOf(cgroup, readMounts())?.controllers() ?? new Set()
    return { kind: 'found', manager, units, controllers }
  } catch (error) {
    return none(error instanceof Error ? error.message : String(error), 'use executor: process')
  } finally {
    await units.release(name)
  }
}

function whyNot(result: Awaited<ReturnType<Units['run']>>): string {
  return result.kind === 'not_started' ? result.message : `a trial of systemd-run was ${result.kind}`
}

function none(why: string, cure: string): Extract<Found, { kind: 'none' }> {
  return { kind: 'none', why, cure }
}

async function versionOfSystemd(): Promise<number | null> {
  const { exitCode, output } = await readProgram(['systemctl', '--version'], { timeoutMs: 10_000 })
  const version = /^systemd (\d+)/.exec(output.toString())?.[1]
  return exitCode === 0 && version !== undefined ? Number(version) : null
}
