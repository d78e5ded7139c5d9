import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { systemClock } from '../../src/lib/clock.ts'
import type { FailPoint } from '../../src/lib/fail-point.ts'
import type { App, Step } from '../../src/model/deploy-map.ts'
import type { DeploymentResult } from '../../src/model/deployment.ts'
import { parseRevision, type Revision } from '../../src/model/revision.ts'
import { noCgroups, type Cgroups } from '../../src/runner/cgroups.ts'
import type { DiskFloor } from '../../src/runner/disk-floor.ts'
import type { RunCommand } from '../../src/runner/command.ts'
import { createRunCommand } from '../../src/runner/exec.ts'
import { createRunner } from '../../src/runner/index.ts'
import type { Job, Progress, Runner } from '../../src/runner/runner.ts'
import type { Workspace } from '../../src/runner/workspace.ts'
import { createDeployment } from '../support/deployment.ts'
import { createApp } from '../support/map.ts'
import { processesWith, temporaryFolder } from './running.ts'

export const tip = revision('1a2b3c4d5e6f')
export const earlier = revision('9f8e7d6c5b4a')

export type World = {
  readonly state: string
  readonly stateId: string
  /** The app's path: an empty directory. */
  readonly tree: string
  readonly runner: Runner
  /** Everything that the runner told or asked for, in order. */
  readonly told: string[]
  readonly output: () => string
  readonly progress: Progress
  job(app?: Partial<App>, job?: Partial<Job>): Job
  /** Deploys an app with these steps. */
  deploy(steps: readonly Step[], app?: Partial<App>, job?: Partial<Job>): Promise<DeploymentResult>
}

export type WorldOptions = {
  readonly workspace?: Partial<Workspace>
  readonly failPoint?: FailPoint
  readonly home?: string
  readonly graceMs?: number
  readonly onOutput?: (step: number, text: string) => void
  readonly floor?: DiskFloor
  /** Opens those of this state; none unless given. */
  readonly cgroups?: (stateId: string) => Cgroups
  /** Stands in for the sync of the disk: what it says, and its exit code. */
  readonly sync?: { readonly says: string; readonly exitCode: number }
  /** Hears each line of `told`. */
  readonly onTold?: (line: string) => void
}

/** A runner over real processes with git left out. The test fails if a process is left at the end. */
export function createDeploying(options: WorldOptions = {}): World {
  const folder = temporaryFolder()
  const [state, tree] = [join(folder, 'state'), join(folder, 'tree')]
  mkdirSync(tree)
  const stateId = `test${randomBytes(8).toString('hex')}`
  const told: string[] = []
  const chunks: Buffer[] = []

  const workspace: Workspace = {
    fetch: () => Promise.resolve({ kind: 'tip', revision: tip }),
    checkout: () => Promise.resolve({ kind: 'checked_out' }),
    changedFiles: () => Promise.resolve(null),
    messageOf: () => Promise.resolve(null),
    listRefs: () => Promise.resolve({ kind: 'refs', tips: new Map() }),
    recordBuilt: () => Promise.resolve(),
    rename: () => Promise.resolve(),
    checkoutRelease: () => Promise.resolve({ kind: 'checked_out' }),
    holds: () => Promise.resolve(true),
    reachableCommit: (_app, { revision }) => Promise.resolve(revision),
    checkedOut: () => Promise.resolve(null),
    ...options.workspace,
  }
  const cgroups = options.cgroups?.(stateId) ?? noCgroups
  const run = createRunCommand({ directory: join(state, 'work'), cgroups })
  const syncing: RunCommand = async (command, commandOptions) => {
    const { sync } = options
    if (sync === undefined || command.argv[0] !== 'sync') return run(command, commandOptions)
    await commandOptions.onOutput(Buffer.from(sync.says))
    return { kind: 'exited', exitCode: sync.exitCode, leftovers: 0 }
  }
  const runner = createRunner({
    stateDirectory: state,
    stateId,
    workspace: tellingOf(workspace, { push: (line) => (told.push(line), options.onTold?.(line)) }),
    run: syncing,
    failPoint: options.failPoint ?? (() => undefined),
    user: { name: 'deploy', home: options.home ?? '/nonexistent' },
    uid: process.getuid?.() ?? 0,
    handover: join(folder, 'handover'),
    clock: systemClock,
    systemd: { searchPath: '/usr/bin:/bin', runtimeDirectory: null },
    graceMs: options.graceMs ?? 5_000,
    cgroups,
    ...(options.floor === undefined ? {} : { floor: options.floor }),
  })
  const progress: Progress = {
    revision: (named) => say(`revision ${named.slice(0, 12)}`),
    release: (name) => say(`release ${name}`),
    stepStarted: ({ number, name }) => say(`step ${number} started: ${name}`),
    stepFinished: ({ number, exitCode, signal }) => say(`step ${number} finished: ${exitCode ?? signal ?? 'neither'}`),
    output: (step, chunk) => {
      chunks.push(Buffer.from(chunk))
      options.onOutput?.(step, chunk.toString())
      return Promise.resolve()
    },
    putAside: () => Promise.resolve(null),
    takeUp: () => Promise.resolve(),
    endOutput: (step) => say(`step ${step} has no more output`),
    note: (text) => say(`# ${text}`),
  }
  onTestFinished(() => {
    expect(processesWith(stateId)).toEqual([])
  })
  const job: World['job'] = (app = {}, rest = {}) => ({
    app: appAt(tree, app),
    deployment: deployment(),
    attempt: 1,
    target: null,
    previousRevision: null,
    previousRelease: null,
    skip: () => Promise.resolve(null),
    signal: new AbortController().signal,
    shutdown: new AbortController().signal,
    leave: new AbortController().signal,
    goOn: null,
    ...rest,
  })
  return {
    state,
    stateId,
    tree,
    runner,
    told,
    output: () => Buffer.concat(chunks).toString(),
    progress,
    job,
    deploy: (steps, app = {}, rest = {}) => runner.deploy(job({ ...app, steps }, rest), progress),
  }

  function say(text: string): Promise<void> {
    told.push(text)
    return Promise.resolve()
  }
}

export function script(text: string, step: Partial<Step> & { readonly shell?: 'sh' | 'bash' } = {}): Step {
  const { shell = 'sh', ...rest } = step
  return { ...plain(text), run: { kind: 'script', shell, text }, ...rest }
}

export function command(argv: readonly [string, ...string[]], step: Partial<Step> = {}): Step {
  return { ...plain(argv.join(' ')), run: { kind: 'argv', argv }, ...step }
}

function plain(name: string): Omit<Step, 'run'> {
  return { name: name.split('\n')[0] ?? '', timeoutMs: null, env: new Map(), cwd: '.', background: 'kill' }
}

function appAt(path: string, app: Partial<App>): App {
  return { ...createApp('blog', { repo: 'https://git.test/acme/blog.git', path }), ...app }
}

export function deployment(change: Partial<Job['deployment']> = {}): Job['deployment'] {
  const running = { state: 'running', outcome: null, reason: null, message: null, finishedAt: null, steps: [] } as const
  return createDeployment({ ...running, revision: null, delivery: null, ...change })
}

export function revision(start: string): Revision {
  const parsed = parseRevision(start.padEnd(40, '0'))
  if (parsed === null) throw new Error(`not a revision: ${start}`)
  return parsed
}

/** The same workspace, which also tells what it is asked for. */
function tellingOf(workspace: Workspace, told: { push(line: string): void }): Workspace {
  return {
    fetch: (app, context) => {
      told.push(`fetch with ${context.cookie.split('.').slice(1).join('.')}`)
      return workspace.fetch(app, context)
    },
    checkout: (app, wanted, context) => {
      told.push(`checkout ${wanted.slice(0, 12)} for ${context.deployment}${context.adopt ? ', adopting' : ''}`)
      return workspace.checkout(app, wanted, context)
    },
    checkoutRelease: (app, wanted, context) => workspace.checkoutRelease(app, wanted, context),
    holds: (app, wanted, context) => workspace.holds(app, wanted, context),
    reachableCommit: (app, between, context) => workspace.reachableCommit(app, between, context),
    checkedOut: (app) => workspace.checkedOut(app),
    changedFiles: (app, between, context) => workspace.changedFiles(app, between, context),
    messageOf: (app, wanted, context) => workspace.messageOf(app, wanted, context),
    listRefs: (app, context) => workspace.listRefs(app, context),
    recordBuilt: (app, context) => {
      told.push('record built')
      return workspace.recordBuilt(app, context)
    },
    rename: (from, to) => {
      told.push(`rename ${from} ${to}`)
      return workspace.rename(from, to)
    },
  }
}
