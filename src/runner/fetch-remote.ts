import { pause } from '../lib/pause.ts'
import type { App } from '../model/deploy-map.ts'
import { kindAndName } from '../model/ref-filter.ts'
import { openAccess } from './access.ts'
import { borrowedRef, type Borrowed } from './borrowed.ts'
import type { Command } from './command.ts'
import { gitEnvironment } from './git-environment.ts'
import { failureOf } from './git-failure.ts'
import { whereOf, type MirrorDeps } from './mirror.ts'
import { fetchCommand, fetchCommitsCommand, lsRemoteCommand } from './remote-commands.ts'
import { askRemote, type Asked } from './remote.ts'
import { stopReason } from './stop.ts'
import type { FetchContext, Fetched, GitFailure, GitFailureReason } from './workspace.ts'

export type FetchOf = { readonly context: FetchContext; readonly deps: MirrorDeps; readonly mirror: string }

type FetchedInto = 'fetched' | Exclude<Fetched, { kind: 'tip' }>

/**
 * Fetches what the ref leads to into `tip`, the tags along with it. What may pass by itself (the network, a host that is
 * slow or busy) is tried up to three times. `lost`: commits that trees borrow and the mirror has not, fetched
 * where the host still has them.
 */
export async function fetchInto(
  tip: string,
  app: App,
  of: FetchOf & { readonly lost: readonly Borrowed[] },
): Promise<FetchedInto> {
  const { settings, run, networkEnv, idleMs } = of.deps
  const { signal, cookie } = of.context
  const access = await openAccess(app, settings.stateDirectory)
  if (access.kind === 'failed') return access
  const env = {
    ...networkEnv,
    ...gitEnvironment(settings, { cookie, protocol: app.repo.protocol }),
    ...access.env,
    // git's own measure, for https: a trickle is not silence. https://git-scm.com/docs/git-config#Documentation/git-config.txt-httplowSpeedLimit
    GIT_HTTP_LOW_SPEED_LIMIT: '1024',
    GIT_HTTP_LOW_SPEED_TIME: String(Math.ceil(of.deps.slowMs / 1000)),
  }
  const ask: Ask = (argv) => askRemote(run, { argv, cwd: settings.stateDirectory, env }, { signal, idleMs })

  try {
    const fetched = await withRetries(() => fetchOnce(tip, app, { ...of, ask }), of)
    if (fetched === 'fetched') await fetchLost(of.lost, { ask, url: app.repo.url, mirror: of.mirror })
    return fetched
  } finally {
    await access.close()
  }
}

type Ask = (argv: Command['argv']) => Promise<Asked>

async function withRetries(work: () => Promise<FetchedInto>, { context, deps }: FetchOf): Promise<FetchedInto> {
  const { signal } = context
  for (const afterMs of deps.retryAfterMs) {
    const fetched = await work()
    if (fetched === 'fetched' || fetched.kind !== 'failed' || !transient.has(fetched.reason)) return fetched
    await context.note(`${fetched.message} Trying again in ${afterMs / 1000} s.`)
    await pause(afterMs, signal)
    if (signal.aborted) return { kind: 'stopped', why: stopReason(signal) }
  }
  return work()
}

/** Reasons that may be gone a moment later. */
const transient: ReadonlySet<GitFailureReason> = new Set(['network', 'too_slow'])

async function fetchOnce(tip: string, app: App, of: FetchOf & { readonly ask: Ask }): Promise<FetchedInto> {
  const { ask, context } = of
  const place = { gitDir: of.mirror }
  const { ref } = context
  const wanted = `+${ref}:${tip}`
  const { url } = app.repo
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
  await context.note(`git: the ${kindAndName(ref)} was fetched, the other tags were not. ${failure.message}`)
  return 'fetched'
}

/** All at once, or each by itself when the host has not all of them; a checkout can do without. */
async function fetchLost(
  lost: readonly Borrowed[],
  of: { readonly ask: Ask; readonly url: string; readonly mirror: string },
): Promise<void> {
  if (lost.length === 0) return
  const refspecs = lost.map((borrowed) => `+${borrowed.revision}:${borrowedRef(borrowed)}`)
  const fetched = await of.ask(fetchCommitsCommand({ gitDir: of.mirror }, { url: of.url, refspecs }))
  if (lost.length > 1 && !isDone(fetched)) for (const one of lost) await fetchLost([one], of)
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
  'disk_failed',
  'resources_short',
  'store_broken',
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
