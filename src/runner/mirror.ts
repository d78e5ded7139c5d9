import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { FailPoint } from '../lib/fail-point.ts'
import type { App, Repository } from '../model/deploy-map.ts'
import { kindAndName } from '../model/ref-filter.ts'
import { openAccess } from './access.ts'
import type { RunCommand } from './command.ts'
import { gitEnvironment, type GitSettings } from './git-environment.ts'
import { failureOf } from './git-failure.ts'
import { createGit, fetchCommand, lsRemoteCommand } from './git.ts'
import { askRemote, type Asked } from './remote.ts'
import { layOutRepository, removeLeftovers, writeRepositoryConfig } from './repository-files.ts'
import { stateProblem } from './state-parts.ts'
import type { FetchContext, Fetched, GitContext, GitFailure, GitFailureReason } from './workspace.ts'

export type MirrorDeps = {
  readonly settings: GitSettings
  readonly run: RunCommand
  readonly failPoint: FailPoint
  /** Further variables for git commands that reach a remote: a proxy, an authority's certificate. */
  readonly networkEnv: Readonly<Record<string, string>>
  readonly idleMs: number
}

/** `<state>/mirrors/<repository>.git`: readable, and one per identity whatever characters that has. */
export function mirrorDirectory(stateDirectory: string, { identity }: Pick<Repository, 'identity'>): string {
  const slug = identity
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 60)
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 12)
  return join(stateDirectory, 'mirrors', `${slug}-${hash}.git`)
}

/** What to say of a failure that concerns this app. */
export function whereOf(app: App, stateDirectory: string) {
  const mirror = mirrorDirectory(stateDirectory, app.repo)
  return {
    mirror,
    path: app.path,
    stateProblem: () => stateProblem([mirror], stateDirectory),
    knownHosts: app.git.knownHosts,
    secrets: app.git.token === null ? [] : [app.git.token.reveal()],
  }
}

/**
 * Fetches what the ref leads to, and the tags along with it. By who holds the mirror's lock. The ref of an
 * earlier fetch is deleted first, so that nothing but this fetch can have named the tip.
 */
export async function fetchTip(app: App, context: FetchContext, deps: MirrorDeps): Promise<Fetched> {
  const { settings, failPoint } = deps
  const mirror = { gitDir: mirrorDirectory(settings.stateDirectory, app.repo) }
  await openMirror(mirror.gitDir, context)
  const git = createGit(settings, context)
  const tip = `refs/deployhook/tip/${app.name}`
  await git.deleteRef(mirror, tip)

  failPoint('before-fetch')
  const fetched = await fetchInto(tip, app, { context, deps, mirror: mirror.gitDir })
  failPoint('after-fetch')
  if (fetched !== 'fetched') return fetched

  const revision = await git.commitOf(mirror, tip)
  if (revision !== null) return { kind: 'tip', revision }
  return {
    kind: 'failed',
    reason: 'git_failed',
    message: `The ${kindAndName(context.ref)} of ${app.repo.url} does not lead to a commit.`,
  }
}

async function openMirror(directory: string, { note }: GitContext): Promise<void> {
  await mkdir(dirname(directory), { recursive: true, mode: 0o700 })
  await layOutRepository(directory)
  await writeRepositoryConfig(directory, { bare: 'true' })
  const removed = await removeLeftovers(directory)
  if (removed.length > 0)
    await note(`git: removed what an interrupted fetch left in ${directory}: ${removed.join(', ')}`)
}

type FetchOf = { readonly context: FetchContext; readonly deps: MirrorDeps; readonly mirror: string }

async function fetchInto(tip: string, app: App, of: FetchOf): Promise<'fetched' | Exclude<Fetched, { kind: 'tip' }>> {
  const access = await openAccess(app, of.deps.settings.stateDirectory)
  if (access.kind === 'failed') return access
  const { stateDirectory } = of.deps.settings
  const env = {
    ...of.deps.networkEnv,
    ...gitEnvironment(of.deps.settings, { cookie: of.context.cookie, protocol: app.repo.protocol }),
    ...access.env,
  }
  const ask = (argv: ReturnType<typeof fetchCommand>): Promise<Asked> =>
    askRemote(of.deps.run, { argv, cwd: stateDirectory, env }, { signal: of.context.signal, idleMs: of.deps.idleMs })
  const place = { gitDir: of.mirror }
  const { ref } = of.context
  const wanted = `+${ref}:${tip}`
  const { url } = app.repo

  try {
    const withTags = await ask(fetchCommand(place, { url, refspecs: [wanted, '+refs/tags/*:refs/tags/*'] }))
    if (isDone(withTags)) return 'fetched'
    if (withTags.kind === 'stopped') return withTags
    const failure = remoteFailure(withTags, app, of)
    if (unanswered.has(failure.reason)) return failure

    const asked = await ask(lsRemoteCommand(place, { url, ref }))
    if (asked.kind === 'stopped') return asked
    if (asked.kind === 'answered' && asked.exitCode === noSuchRef) return { kind: 'branch_gone' }

    const alone = await ask(fetchCommand(place, { url, refspecs: [wanted] }))
    if (alone.kind === 'stopped') return alone
    if (!isDone(alone)) return remoteFailure(alone, app, of)
    await of.context.note(`git: the ${kindAndName(ref)} was fetched, the other tags were not. ${failure.message}`)
    return 'fetched'
  } finally {
    await access.close()
  }
}

/** `git ls-remote --exit-code`: the remote answered, and has no such ref. */
const noSuchRef = 2

/** Reasons that have nothing to do with refs: asking once more would fail the same way. */
const unanswered: ReadonlySet<GitFailureReason> = new Set([
  'auth',
  'host_key',
  'not_found',
  'network',
  'tls',
  'too_slow',
  'git_missing',
  'dubious_ownership',
  'disk_full',
])

function isDone(asked: Asked): boolean {
  return asked.kind === 'answered' && asked.exitCode === 0
}

function remoteFailure(asked: Exclude<Asked, { kind: 'stopped' }>, app: App, { context, deps }: FetchOf): GitFailure {
  const what = `git fetch of ${kindAndName(context.ref)}`
  if (asked.kind === 'silent') {
    const message = `${what} from ${app.repo.url} was given up: nothing was heard for ${Math.round(deps.idleMs / 1000)} s. Deploy again when the host answers.`
    return { kind: 'failed', reason: 'too_slow', message }
  }
  return failureOf(what, asked.output, { repo: app.repo, ...whereOf(app, deps.settings.stateDirectory) })
}
