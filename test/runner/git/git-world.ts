import { execa } from 'execa'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { App } from '../../../src/model/deploy-map.ts'
import type { Revision } from '../../../src/model/revision.ts'
import { createRunCommand } from '../../../src/runner/exec.ts'
import { createWorkspace, type WorkspaceDeps } from '../../../src/runner/git-workspace.ts'
import type { CheckedOut, FetchContext, Workspace } from '../../../src/runner/workspace.ts'
import { createApp as appOf } from '../../support/map.ts'
import { createRepository, type Repository } from '../../support/repository.ts'

/** A bare repository with a clone, a state directory, and the workspace under test; gone after the test. */
export type GitWorld = {
  readonly dir: string
  readonly state: string
  readonly repository: Repository
  readonly workspace: Workspace
  /** What was told the deployments' logs. */
  readonly notes: string[]
  /** What was told the daemon's log. */
  readonly warnings: string[]
  path(...parts: readonly string[]): string
  app(change?: Partial<App>): App
  context(change?: Partial<FetchContext>): FetchContext
  /** A workspace of a daemon started anew on the same state. */
  restarted(change?: Partial<WorkspaceDeps>): Workspace
  fetchTip(app: App): Promise<Revision>
  /** Fetches and checks out, as deployment `id`. */
  deploy(app: App, id: number, options?: { adopt?: boolean; workspace?: Workspace }): Promise<CheckedOut>
  /** The same, which must go well. */
  deployed(app: App, id: number, options?: { adopt?: boolean }): Promise<Revision>
  /** As an operator would, in a directory: plain git. */
  git(directory: string, ...args: readonly string[]): Promise<string>
  write(files: Readonly<Record<string, string>>): Promise<void>
  read(...parts: readonly string[]): Promise<string>
  has(...parts: readonly string[]): boolean
}

export const gitPath = process.env['PATH'] ?? '/usr/bin:/bin'

export async function createGitWorld(change: Partial<WorkspaceDeps> = {}): Promise<GitWorld> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'deployhook-git-')))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const path = (...parts: readonly string[]): string => join(dir, ...parts)
  const state = path('state')
  const repository = await createRepository(path('git/acme/blog.git'), path('clone'))
  const notes: string[] = []
  const warnings: string[] = []

  const restarted = (more: Partial<WorkspaceDeps> = {}): Workspace =>
    createWorkspace({
      stateDirectory: state,
      run: createRunCommand({ directory: path('work') }),
      localPaths: () => [],
      failPoint: () => undefined,
      path: gitPath,
      retryAfterMs: [],
      clock: { now: () => new Date('2026-01-02T03:04:05Z') },
      log: { warn: (_fields, text) => void warnings.push(text) },
      ...change,
      ...more,
    })
  const workspace = restarted()
  const context: GitWorld['context'] = (more) => ({
    ref: 'refs/heads/main',
    signal: new AbortController().signal,
    cookie: `git-test.${dir}.1`,
    note: (text) => Promise.resolve(void notes.push(text)),
    ...more,
  })

  const contextOf = ({ branch }: App) => context({ ref: `refs/heads/${branch ?? ''}` })

  const world: GitWorld = {
    dir,
    state,
    repository,
    workspace,
    notes,
    warnings,
    path,
    context,
    restarted,
    app: (more) => createApp({ url: repository.bare, path: path('srv/blog') }, more),
    async fetchTip(app) {
      const fetched = await workspace.fetch(app, contextOf(app))
      if (fetched.kind !== 'tip') throw new Error(`the fetch ended otherwise: ${JSON.stringify(fetched)}`)
      return fetched.revision
    },
    async deploy(app, id, { adopt = false, workspace: by = workspace } = {}) {
      return by.checkout(app, await world.fetchTip(app), { ...contextOf(app), deployment: id, adopt })
    },
    async deployed(app, id, options) {
      const revision = await world.fetchTip(app)
      expect(
        await workspace.checkout(app, revision, { ...contextOf(app), deployment: id, adopt: false, ...options }),
      ).toEqual({ kind: 'checked_out' })
      return revision
    },
    git: async (directory, ...args) => (await execa('git', ['-C', directory, ...args], { env: operator })).stdout,
    async write(files) {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(path(name)), { recursive: true })
        await writeFile(path(name), text)
      }
    },
    read: (...parts) => readFile(path(...parts), 'utf8'),
    has: (...parts) => existsSync(path(...parts)),
  }
  return world
}

export function createApp({ url, path }: { url: string; path: string }, change: Partial<App> = {}): App {
  return { ...appOf('blog', { repo: url, path }), concurrencyGroup: 'blog', ...change }
}

/** What one app's message says for a failure; fails the test when it was none. */
export function failureIn(result: { readonly kind: string }): { readonly reason: string; readonly message: string } {
  if (result.kind !== 'failed' || !('reason' in result) || !('message' in result))
    throw new Error(`not a failure: ${JSON.stringify(result)}`)
  return { reason: String(result.reason), message: String(result.message) }
}

export const operator = {
  GIT_AUTHOR_NAME: 'Operator',
  GIT_AUTHOR_EMAIL: 'operator@example.com',
  GIT_COMMITTER_NAME: 'Operator',
  GIT_COMMITTER_EMAIL: 'operator@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
}
