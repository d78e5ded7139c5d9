import { mkdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import type { FailPoint } from '../lib/fail-point.ts'
import type { Log } from '../lib/log.ts'
import type { App } from '../model/deploy-map.ts'
import type { Revision } from '../model/revision.ts'
import { prepareAskpass } from './askpass.ts'
import { checkOutRelease } from './checkout-release.ts'
import { checkOutTree, type CheckoutDeps } from './checkout.ts'
import type { RunCommand } from './command.ts'
import { writeGlobalConfig, type GitSettings } from './git-environment.ts'
import { createGit } from './git.ts'
import { listRefs } from './list-refs.ts'
import { createLocks, GaveUpWaiting } from './locks.ts'
import { checkOutMending } from './mend-checkout.ts'
import { fetchMending, renewIfBroken } from './mend-mirror.ts'
import { mirrorDirectories, mirrorDirectory, type MirrorDeps } from './mirror.ts'
import { exists } from './repository-files.ts'
import { changedIn, treeAsOnDisk } from './scratch-index.ts'
import { viewNamedAt } from './standing.ts'
import { tendMirror } from './tend-mirror.ts'
import { openTree, readMemory } from './tree.ts'
import { headOf, treeDirectory } from './tree-directory.ts'
import type { Mirrors } from './mirrors.ts'
import { viewDirectory, writeGitFile } from './view.ts'
import { settled } from './settled.ts'
import type { CheckedOut, FetchContext, GitContext, Workspace } from './workspace.ts'

export type WorkspaceDeps = {
  /** Absolute; 0700. */
  readonly stateDirectory: string
  readonly run: RunCommand
  /** Paths of the repositories on this machine that deploy.yml names: git may serve them whoever owns them. */
  readonly localPaths: () => readonly string[]
  readonly failPoint: FailPoint
  /** PATH of every git. */
  readonly path: string
  /** Further variables for git commands that reach a remote: a proxy, an authority's certificate. */
  readonly networkEnv?: Readonly<Record<string, string>>
  /** How long a remote may say nothing; 2 minutes unless given. */
  readonly idleMs?: number
  /** How long https may bring less than 1 KiB/s; 5 minutes unless given. */
  readonly slowMs?: number
  /** Pauses between the tries of a fetch that may work a moment later. */
  readonly retryAfterMs?: readonly number[]
  readonly clock: Clock
  readonly log: Pick<Log, 'warn'>
}

/** The git side of deployments. One at a time per app (the queue sees to that); mirrors are locked in here. */
export function createWorkspace(deps: WorkspaceDeps): Workspace & { readonly mirrors: Mirrors } {
  const { stateDirectory, run, localPaths, failPoint, path, networkEnv = {}, idleMs = 120_000, clock, log } = deps
  const { slowMs = 300_000, retryAfterMs = [2_000, 10_000] } = deps
  const settings: GitSettings = { stateDirectory, path }
  const remote: MirrorDeps & CheckoutDeps = {
    ...{ settings, run, failPoint, networkEnv, idleMs, slowMs, retryAfterMs, clock, log },
  }
  const locks = createLocks()
  let prepared: Promise<void> | undefined

  async function prepare(caller: Pick<GitContext, 'signal'>): Promise<void> {
    prepared ??= mkdir(stateDirectory, { recursive: true, mode: 0o700 }).then(() => prepareAskpass(stateDirectory))
    try {
      await prepared
    } catch (error) {
      prepared = undefined
      throw error
    }
    await locks.run('git.config', () => writeGlobalConfig(stateDirectory, localPaths()), caller)
  }

  function checkedOutIn(
    directory: string,
    { app, context }: { readonly app: App; readonly context: FetchContext },
    checkOut: () => Promise<CheckedOut>,
  ): Promise<CheckedOut> {
    return settled(app, { context, stateDirectory, what: `The checkout in ${directory}` }, async () => {
      await prepare(context)
      const renewMirror = () =>
        locks.run(mirrorDirectory(stateDirectory, app.repo), () => renewIfBroken(app, context, remote), context)
      return checkOutMending(app, checkOut, { context, deps: remote, renewMirror })
    })
  }

  return {
    fetch: (app, context) =>
      settled(app, { context, stateDirectory, what: `Fetching ${app.repo.url}` }, async () => {
        await prepare(context)
        return locks.run(mirrorDirectory(stateDirectory, app.repo), () => fetchMending(app, context, remote), context)
      }),
    checkout: (app, revision, context) =>
      checkedOutIn(app.path, { app, context }, () => checkOutTree(app, revision, { context, deps: remote })),
    checkoutRelease: (app, revision, context) =>
      checkedOutIn(context.directory, { app, context }, () =>
        checkOutRelease(app, revision, { context, deps: remote }),
      ),
    async holds(app, revision, context) {
      const mirror = { gitDir: mirrorDirectory(stateDirectory, app.repo) }
      if (!(await exists(mirror.gitDir))) return false
      return (await createGit(settings, context).commitOf(mirror, revision)) !== null
    },
    async reachableCommit(app, { revision, from }, context) {
      const mirror = { gitDir: mirrorDirectory(stateDirectory, app.repo) }
      const git = createGit(settings, context)
      const commit = await git.commitOf(mirror, revision)
      return commit !== null && (await git.isAncestor(mirror, { revision: commit, from })) ? commit : null
    },
    checkedOut: (app) => checkedOut(app, stateDirectory),
    changedFiles: (app, between, context) => changedFiles(app, between, { context, settings }),
    messageOf: (app, revision, context) => messageOf(app, revision, { context, settings }),
    recordBuilt: (app, context) => recordBuilt(app, context, settings),
    listRefs: (app, context) =>
      settled(app, { context, stateDirectory, what: `Asking ${app.repo.url} for its refs` }, async () => {
        await prepare(context)
        return listRefs(app, context, remote)
      }),
    rename: (from, to) => renameApp(stateDirectory, from, to),
    mirrors: {
      async list(apps) {
        const all = [...apps]
        const into = (directory: string) =>
          all.filter(({ repo }) => mirrorDirectory(stateDirectory, repo) === directory)
        return (await mirrorDirectories(stateDirectory)).map((directory) => ({ directory, apps: into(directory) }))
      },
      async tend(mirror, context) {
        try {
          await prepare(context)
        } catch (error) {
          if (error instanceof GaveUpWaiting) return { kind: 'gave_way' }
          throw error
        }
        const tended = await locks.runIdly(mirror.directory, (giveWay) => {
          const signal = AbortSignal.any([context.signal, giveWay])
          return tendMirror(mirror, { ...context, signal }, { settings, run, now: clock.now() })
        })
        return tended ?? { kind: 'busy', pid: null }
      },
    },
  }
}

/** Unknown when it fails: that is noted, and deploys. */
async function changedFiles(
  app: App,
  between: { readonly from: Revision; readonly to: Revision },
  { context, settings }: { readonly context: GitContext; readonly settings: GitSettings },
): Promise<readonly string[] | null> {
  const { stateDirectory } = settings
  const compared = await settled(app, { context, stateDirectory, what: 'Comparing with what is live' }, async () => {
    const mirror = { gitDir: mirrorDirectory(stateDirectory, app.repo) }
    const git = createGit(settings, context)
    const isKnown = (await git.commitOf(mirror, between.from)) !== null
    return { kind: 'compared', files: isKnown ? await git.filesBetween(mirror, between) : null } as const
  })
  if (compared.kind === 'compared') return compared.files
  if (compared.kind === 'failed') await context.note(compared.message)
  return null
}

/** Unknown when it fails, as above. */
async function messageOf(
  app: App,
  revision: Revision,
  { context, settings }: { readonly context: GitContext; readonly settings: GitSettings },
): Promise<string | null> {
  const { stateDirectory } = settings
  const read = await settled(app, { context, stateDirectory, what: 'Reading what the commit says' }, async () => {
    const mirror = { gitDir: mirrorDirectory(stateDirectory, app.repo) }
    return { kind: 'read', message: await createGit(settings, context).messageOf(mirror, revision) } as const
  })
  if (read.kind === 'read') return read.message
  if (read.kind === 'failed') await context.note(read.message)
  return null
}

/** Worth a note when it fails, not a deployment: the next checkout then saves more than it need. */
async function recordBuilt(app: App, context: GitContext, settings: GitSettings): Promise<void> {
  const recorded = await settled(
    app,
    { context, stateDirectory: settings.stateDirectory, what: 'Remembering what the steps built' },
    async () => {
      const git = createGit(settings, context)
      const tree = await openTree(app, settings.stateDirectory, context)
      const changed = [...(await changedIn(git, tree)).keys()]
      await tree.remember({ built: changed.length === 0 ? null : await treeAsOnDisk(git, tree, changed) })
      return { kind: 'recorded' } as const
    },
  )
  if (recorded.kind === 'failed') await context.note(recorded.message)
}

async function checkedOut({ name, path }: App, stateDirectory: string): Promise<Revision | null> {
  const gitDir = treeDirectory(stateDirectory, name)
  const memory = await readMemory(gitDir)
  return memory.path === path && memory.underway === null ? headOf(gitDir) : null
}

/** To be repeated when interrupted: what is already at the new name stays. */
async function renameApp(stateDirectory: string, from: string, to: string): Promise<void> {
  for (const directoryOf of [viewDirectory, treeDirectory]) {
    const [old, now] = [directoryOf(stateDirectory, from), directoryOf(stateDirectory, to)]
    if ((await exists(old)) && !(await exists(now))) await rename(old, now)
  }
  const { path } = await readMemory(treeDirectory(stateDirectory, to))
  if (path === null) return
  const named = await viewNamedAt(path, stateDirectory)
  if (named !== null && named === join(dirname(named), `${from}.git`))
    await writeGitFile(path, viewDirectory(stateDirectory, to))
}
